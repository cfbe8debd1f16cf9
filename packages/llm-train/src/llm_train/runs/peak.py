"""The peak of this machine: how many multiplications and additions of large products it does per second."""

import time

import torch

from llm_train.backends.threads import Workers

CPU = torch.device("cpu")
ROUNDS = 5
LONG_ENOUGH = 0.02
"""Seconds of one product: below, starting the threads would be measured."""
LARGEST = 8192


def peak_flops(dtype: torch.dtype, workers: Workers, device: torch.device = CPU) -> float:
    """Measure the FLOPs per second of a square product in each worker at once; the best of a few rounds.

    On an accelerator there is one worker.

    Why it works:
        A product of two n by n matrices makes 2 n³ multiplications and additions with 3 n² numbers: for a large n
        nothing but the arithmetic counts. No training is faster than that, so its share of the peak tells how much
        there is still to gain. It is the best and not the mean: a peak is what the machine can do.
    """
    size = 256
    while _seconds(size, dtype, Workers(), device) < LONG_ENOUGH and size < LARGEST:
        size *= 2
    seconds = min(_seconds(size, dtype, workers, device) for _ in range(ROUNDS))
    return float(2 * size**3 * workers.count / seconds)


def _seconds(size: int, dtype: torch.dtype, workers: Workers, device: torch.device) -> float:
    """Time one product in each worker."""
    matrices = [torch.ones(size, size, dtype=dtype, device=device) for _ in range(workers.count)]
    workers.map(lambda matrix: matrix[:16] @ matrix, matrices)  # wakes threads and kernels
    _wait(device)
    started = time.perf_counter()
    workers.map(lambda matrix: matrix @ matrix, matrices)
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    """Wait until an accelerator, which works on its own, has done everything."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
