"""How fast a training step is, next to plain torch.nn and transformers: `nox -s bench -- layers` (--record FILE).

Steps of all alternate in one process and the median counts: processor time of one core, so that what else the machine
does weighs on all alike; or, with --wall on a machine that does nothing else, the clock on the wall of two cores.
Memory is the peak of a process of its own above what it held before the model was made; there the C library gives freed
arrays back at once, because how many it keeps depends on chance. With --record, rows that were measured anew replace
those of the same name, so that the parts can be run one by one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "llm-tokenizer" / "bench"))  # one kind of table for all packages

import torch
from contestants import RUNGS, SIZES, Size, contestant, step
from measuring import Table, machine, seconds, write_record

Clock = Callable[[], float]
Made = dict[str, tuple[Any, Any]]

PAIRS = (("gpt2 fast", "torch.nn"), ("gpt2 fast", "GPT2LMHeadModel"), ("qwen3 fast", "Qwen3ForCausalLM"))
ROUNDS = {"compiled": 100, "4 x 128": 40, "6 x 384": 2, "GPT-2 124M": 5}
LOW = {"6 x 384": (2, 256), "GPT-2 124M": (1, 64)}
"""Texts and positions in bfloat16, fewer than in float32: without instructions for it the peers take minutes."""
MEMORY_TEXTS = {"4 x 128": 12, "6 x 384": 16, "GPT-2 124M": 2}
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""For the C library of Linux: freed pieces of this size go back to the system instead of waiting for one that fits."""
HEAD = (50_000, 2048)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, metavar="FILE", help="write into this JSON file")
    parser.add_argument("--only", metavar="PART", help="step, low, memory, head, ladder or compile")
    parser.add_argument("--size", choices=SIZES, help="one size only")
    parser.add_argument("--pair", type=int, choices=range(len(PAIRS)), help="one pair of contestants only")
    parser.add_argument("--wall", action="store_true", help="two threads, by the clock on the wall")
    arguments = parser.parse_args()
    torch.set_num_threads(2 if arguments.wall else 1)
    clock = time.perf_counter if arguments.wall else time.process_time
    pairs = PAIRS if arguments.pair is None else PAIRS[arguments.pair : arguments.pair + 1]
    table, more = Table(), {}

    def wanted(part: str) -> bool:
        return arguments.only in (None, part)

    for name, size in SIZES.items():
        if arguments.size not in (None, name):
            continue
        if wanted("step"):
            steps(table, f"step, {name}, float32", pairs, size, ROUNDS[name], clock)
        if wanted("low") and name in LOW:
            texts, positions = LOW[name]
            small = replace(size, batch=texts, positions=positions)
            steps(table, f"step, {name}, {texts} x {positions}, bfloat16 autocast", pairs, small, 1, clock, low=True)
        if wanted("memory"):
            peaks(table, name, pairs)
    if wanted("head"):
        head(table)
    if wanted("ladder"):
        more["ladder"] = ladder(SIZES["4 x 128"], clock)
    if wanted("compile"):
        more["compile"] = compiled(table, SIZES["4 x 128"], clock)
    print(f"{sum(row['met'] for row in table.rows)} of {len(table.rows)} bars met")
    if arguments.record:
        measured = "two threads, wall clock" if arguments.wall else "one thread, processor time"
        versions = {name: version(name) for name in ("torch", "transformers")}
        about = {"machine": machine(), "versions": versions, "shapes": shapes(), "measured": measured}
        write_record(arguments.record, table.rows, about | more)


def steps(
    table: Table,
    what: str,
    pairs: tuple[tuple[str, str], ...],
    size: Size,
    rounds: int,
    clock: Clock,
    *,
    low: bool = False,
) -> None:
    """Forward and backward, ours and each peer in turn."""
    for pair in pairs:  # two at a time: all together would not fit into the memory of a small machine
        taken = in_turn({name: contestant(name, size) for name in pair}, size, rounds, clock, low=low)
        ours, peer = (taken[name] for name in pair)
        bar = 1.5 if low else 1
        table.compare(f"{what}, {pair[0]} against {pair[1]}", median(ours), median(peer), bar=bar)
        table.rows[-1]["shortest"] = [min(ours), min(peer)]


def in_turn(made: Made, size: Size, rounds: int, clock: Clock, *, low: bool = False) -> dict[str, list[float]]:
    """The seconds of each step; a small one before them is not counted."""
    warm = replace(size, batch=min(size.batch, 2), positions=min(size.positions, 32)).tokens()
    batch = size.tokens()
    for model, loss in made.values():
        step(model, loss, *warm, low=low)
    taken: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds):
        for name, (model, loss) in made.items():
            taken[name].append(seconds(partial(step, model, loss, *batch, low=low), clock))
    return taken


def peaks(table: Table, size: str, pairs: tuple[tuple[str, str], ...]) -> None:
    """The peak of two steps, each contestant in a process of its own."""
    texts = str(MEMORY_TEXTS[size])
    names = sorted({name for pair in pairs for name in pair})
    found = {name: fresh("one_step.py", name, size, texts, **GIVEN_BACK)["peak"] for name in names}
    for ours, peer in pairs:
        what = f"peak memory, {size}, {texts} texts, {ours}, times {peer}"
        table.limit(what, found[ours] / found[peer], at_most=1, unit="x")
        table.rows[-1]["megabytes"] = [found[ours], found[peer]]


def fresh(script: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What a script printed that ran in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def head(table: Table) -> None:
    """The loss behind the last norm, where logits are what fills the memory."""
    vocab, positions = HEAD
    found = {way: fresh("one_head.py", way, str(vocab), str(positions)) for way in ("fast", "all")}
    what = f"loss of the head, {vocab} tokens, {positions} positions"
    peak = found["fast"]["peak"] / found["all"]["peak"]
    table.limit(f"{what}, peak memory, times all logits at once", peak, at_most=0.5, unit="x")
    table.rows[-1]["megabytes"] = [found["fast"]["peak"], found["all"]["peak"]]
    table.compare(f"{what}, against all logits at once", found["fast"]["seconds"], found["all"]["seconds"], bar=1)


def ladder(size: Size, clock: Clock) -> list[dict[str, Any]]:
    """From clear to fast, one kind of kernel after the other; the memory at a larger size, where it matters."""
    rows = []
    for design in ("gpt2", "qwen3"):
        names = [f"{design} {rung}" for rung in RUNGS]
        taken = in_turn({name: contestant(name, size) for name in names}, size, ROUNDS["4 x 128"], clock)
        for name in names:
            peak = fresh("one_step.py", name, "6 x 384", "4", **GIVEN_BACK)["peak"]
            rung = name.removeprefix(f"{design} ")
            rows.append({"design": design, "rung": rung, "seconds": median(taken[name]), "peak": peak})
            print(f"{name:40}{median(taken[name]) * 1e3:10.1f} ms{peak:10.0f} MB", flush=True)
    return rows


def compiled(table: Table, size: Size, clock: Clock) -> dict[str, float]:
    """What torch.compile costs before the first step, and what it gives after, next to the peers as they come."""
    firsts = {}
    for design, peers in (("gpt2", ("torch.nn", "GPT2LMHeadModel")), ("qwen3", ("Qwen3ForCausalLM",))):
        model, loss = contestant(f"{design} fused", size)
        quick = torch.compile(loss)
        firsts[design] = seconds(partial(step, model, quick, *size.tokens(), low=False), time.perf_counter)
        made = {"compiled": (model, quick)} | {peer: contestant(peer, size) for peer in peers}
        taken = in_turn(made, size, ROUNDS["compiled"], clock)
        for peer in peers:
            what = f"step, 4 x 128, float32, {design} compiled against {peer}"
            table.compare(what, median(taken["compiled"]), median(taken[peer]), bar=1)
    return firsts


def shapes() -> dict[str, str]:
    """The sizes in words."""
    return {
        name: f"{size.layers} layers, width {size.width}, {size.batch} x {size.positions}, {size.vocab} tokens"
        for name, size in SIZES.items()
    }


if __name__ == "__main__":
    main()
