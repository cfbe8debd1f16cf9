"""Memory: what a run will need, what is free here, and what this process has taken at most."""

import os
import re
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from llm_layers import ModelConfig, activation_bytes, parameter_count

CPU = torch.device("cpu")
COPIES = 5
"""Numbers of four bytes that an update holds per parameter: weight, gradient, two moments, and one in passing."""
ACTIVATIONS = {"float32": 1.3, "bfloat16": 1.0, "float16": 1.0}
"""Bytes of the activations as a multiple of those that float32 keeps for the backward pass: what is there at the same
time for a moment comes on top. Measured on seven shapes; it was right within a tenth."""


def memory_needed(config: ModelConfig, *, batch: int, context_length: int, precision: str) -> int:
    """Estimate the bytes that an update takes, on top of Python and torch.

    Formula: 5 · 4 · parameters + 1.3 · activations + 4 · batch · context_length · vocab_size, in float32
    """
    logits = 4 * batch * context_length * config.vocab_size
    # With one token as vocabulary only the rest is counted: the objective keeps fewer logits than `activation_bytes`.
    kept = activation_bytes(replace(config, vocab_size=1), batch, context_length)
    return COPIES * 4 * parameter_count(config) + int(ACTIVATIONS.get(precision, 1.3) * kept) + logits


def available_memory(device: torch.device = CPU) -> int | None:
    """Return the bytes that this process may still take on a device, by every limit known here; None where none is."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    limits = [*_system(), *_control_group(), *_process_limits()]
    return max(0, min(limits)) if limits else None


def peak_memory() -> int | None:
    """Return the most bytes that this process has held at once so far; None where the system does not tell.

    Of a process that uses a GPU it is the memory of the GPU.
    """
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated()
    held = _status("VmHWM")
    if held is not None or sys.platform == "win32":
        return held
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def _status(name: str) -> int | None:
    """Return a size that Linux tells about this process."""
    return _field(Path("/proc/self/status"), name)


def _system() -> list[int]:
    free = _field(Path("/proc/meminfo"), "MemAvailable")
    if free is not None:
        return [free]
    with suppress(ValueError, OSError, AttributeError):  # not every system has these names
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    return []


def _control_group() -> list[int]:
    """Return what the container or the service that we run in may still take, by both versions of Linux's cgroups."""
    limits = []
    for root, most, now in (
        (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        for folder in _own_groups(root):
            with suppress(OSError, ValueError):  # "max" is no number: there is no limit
                limit = int((folder / most).read_text())
                cached = re.search(r"^(?:total_)?inactive_file (\d+)", (folder / "memory.stat").read_text(), re.M)
                limits.append(limit - int((folder / now).read_text()) + (int(cached[1]) if cached else 0))
    return limits


def _own_groups(root: Path) -> list[Path]:
    """Return the folder of our control group and those that it lies in: each may have a limit."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    paths = [line.rpartition(":")[2].strip("/") for line in lines if ":memory:" in line or "::" in line]
    folders = [root]
    for path in paths:
        inside = root / path
        folders += [inside, *(parent for parent in inside.parents if parent.is_relative_to(root))]
    return list(dict.fromkeys(folders))


def _process_limits() -> list[int]:
    """Return what `ulimit -v` leaves: it counts addresses, also those without memory behind them."""
    if sys.platform == "win32":
        return []
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = _status("VmSize")
    return [] if limit == resource.RLIM_INFINITY or used is None else [limit - used]


def _field(path: Path, name: str) -> int | None:
    """Read a line like `VmHWM:  123 kB`, in bytes."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
