"""How fast a training step is, next to plain torch.nn and transformers: `nox -s bench -- layers` (--record FILE).

Steps of both alternate in one process, and the median counts: processor time of one core, so that what else the machine
does weighs on all alike; or, with --wall on a machine that does nothing else, the clock on the wall of two. Memory is the
peak of a process of its own above what it held before the model was made. With --record, rows that were measured anew
replace those of the same name, so that the parts can be run one by one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "llm-tokenizer" / "bench"))  # one kind of table for all packages

import torch
from contestants import RUNGS, SIZES, Size, contestant, step
from measuring import Table, machine, seconds

PAIRS = (("gpt2 fast", "torch.nn"), ("gpt2 fast", "GPT2LMHeadModel"), ("qwen3 fast", "Qwen3ForCausalLM"))
STEPS = {"4 x 128": 30, "6 x 384": 2, "GPT-2 124M": 3}
LOW = {"6 x 384": (2, 256), "GPT-2 124M": (1, 64)}
"""Texts and positions in bfloat16, fewer than in float32: without instructions for it the peers take minutes."""
MEMORY_ROWS = {"4 x 128": 12, "6 x 384": 16, "GPT-2 124M": 2}
HEAD = (50_000, 2048)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, metavar="FILE", help="write into this JSON file")
    parser.add_argument("--wall", action="store_true", help="two threads, by the clock on the wall")
    parser.add_argument("--only", metavar="PART", help="step, low, memory, head, ladder or compile")
    parser.add_argument("--size", choices=SIZES, help="one size only")
    parser.add_argument("--pair", type=int, choices=range(len(PAIRS)), help="one pair of contestants only")
    arguments = parser.parse_args()
    torch.set_num_threads(2 if arguments.wall else 1)
    clock = time.perf_counter if arguments.wall else time.process_time
    timed = partial(seconds, clock=clock)
    table = Table()
    sizes = {name: size for name, size in SIZES.items() if arguments.size in (None, name)}
    pairs = PAIRS if arguments.pair is None else PAIRS[arguments.pair : arguments.pair + 1]
    more: dict[str, Any] = {}

    def wanted(part: str) -> bool:
        return arguments.only in (None, part)

    for name, size in sizes.items():
        if wanted("step"):
            for ours, peer in pairs:
                both(table, f"step, {name}, float32, {ours} against {peer}", (ours, peer), size, STEPS[name], bar=1)
        if wanted("low") and name in LOW:
            rows, positions = LOW[name]
            small = replace(size, batch=rows, positions=positions)
            for ours, peer in pairs:
                what = f"step, {name}, {rows} x {positions}, bfloat16 autocast, {ours} against {peer}"
                both(table, what, (ours, peer), small, 1, bar=1.5, low=True)
        if wanted("memory"):
            for ours, peer in pairs:
                peaks = [alone(one, name, MEMORY_ROWS[name], 2)["peak"] for one in (ours, peer)]
                what = f"peak memory, {name}, {MEMORY_ROWS[name]} texts, {ours}, times {peer}"
                table.limit(what, peaks[0] / peaks[1], at_most=1, unit="x")
    if wanted("head"):
        head(table)
    if wanted("ladder"):
        more["ladder"] = ladder(sizes["4 x 128"])
    if wanted("compile"):
        more["compile"] = compiled(sizes["4 x 128"])
    print(f"{sum(row['met'] for row in table.rows)} of {len(table.rows)} bars met")
    if arguments.record:
        record(arguments.record, table.rows, more)


def both(
    table: Table, what: str, pair: tuple[str, str], size: Size, steps: int, *, bar: float, low: bool = False
) -> None:
    """Steps of ours and of a peer in turn."""
    made = {name: contestant(name, size) for name in pair}
    warm = replace(size, batch=min(size.batch, 2), positions=min(size.positions, 32)).tokens()
    for model, loss in made.values():
        step(model, loss, *warm, low=low)
    taken: dict[str, list[float]] = {name: [] for name in pair}
    for _ in range(steps):
        for name, (model, loss) in made.items():
            taken[name].append(seconds(partial(step, model, loss, *size.tokens(), low=low)))
    ours, peer = (median(taken[name]) for name in pair)
    table.compare(what, ours, peer, bar=bar)
    table.rows[-1]["shortest"] = [min(taken[name]) for name in pair]


def alone(name: str, size: str, rows: int, steps: int, dtype: str = "float32") -> dict[str, Any]:
    return fresh("one_step.py", name, size, str(rows), str(steps), dtype)


def fresh(script: str, *arguments: str) -> dict[str, Any]:
    """What a script printed that ran in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    measured: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return measured


def head(table: Table) -> None:
    """The loss behind the last norm, where logits are what fills the memory."""
    vocab, positions = HEAD
    found = {way: fresh("one_head.py", way, str(vocab), str(positions)) for way in ("fast", "all")}
    what = f"loss of the head, {vocab} tokens, {positions} positions"
    peak = found["fast"]["peak"] / found["all"]["peak"]
    table.limit(f"{what}, peak memory, times all logits at once", peak, at_most=0.5, unit="x")
    table.compare(f"{what}, time", found["fast"]["seconds"], found["all"]["seconds"], bar=1)


def ladder(size: Size) -> list[dict[str, Any]]:
    """From clear to fast, one kind of kernel after the other; all rungs in turn, each with a process for its memory."""
    rows = []
    for design in ("gpt2", "qwen3"):
        names = [f"{design} {rung}" for rung in RUNGS if (design, rung) != ("gpt2", "+ rotary")]
        made = {name: contestant(name, size) for name in names}
        taken: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(25):
            for name, (model, loss) in made.items():
                taken[name].append(seconds(partial(step, model, loss, *size.tokens(), low=False)))
        for name in names:
            peak = alone(name, "6 x 384", 8, 2)["peak"]
            rows.append(
                {"design": design, "rung": name.partition(" ")[2], "seconds": median(taken[name]), "peak": peak}
            )
            print(f"{name:40}{median(taken[name]) * 1e3:10.1f} ms{peak:10.0f} MB", flush=True)
    return rows


def compiled(size: Size) -> dict[str, float]:
    """What torch.compile costs before the first step, and what it gives after, on the clear kernels."""
    model, loss = contestant("qwen3 clear", size)
    quick = torch.compile(loss)
    first = seconds(partial(step, model, quick, *size.tokens(), low=False), time.perf_counter)
    fast_model, fast_loss = contestant("qwen3 fast", size)
    taken: dict[str, list[float]] = {"clear": [], "compiled": [], "fast": []}
    for _ in range(20):
        for name, one, its_loss in (
            ("clear", model, loss),
            ("compiled", model, quick),
            ("fast", fast_model, fast_loss),
        ):
            taken[name].append(seconds(partial(step, one, its_loss, *size.tokens(), low=False)))
    found = {"first": first} | {name: median(times) for name, times in taken.items()}
    print("torch.compile:", ", ".join(f"{name} {seconds:.3g} s" for name, seconds in found.items()))
    return found


def record(path: Path, rows: list[dict[str, Any]], more: dict[str, Any]) -> None:
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    merged = {row["what"]: row for row in [*known.get("rows", []), *rows]}
    versions = {name: version(name) for name in ("torch", "transformers")}
    about = {"machine": machine(), "versions": versions, "threads": 2, "shapes": shapes()}
    path.write_text(json.dumps(known | about | more | {"rows": in_order(merged)}, indent=2) + "\n", encoding="utf-8")


def in_order(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [rows[what] for what in sorted(rows, key=lambda what: (what.split(",")[0] != "step", "bfloat16" in what))]


def shapes() -> dict[str, str]:
    def described() -> Iterator[tuple[str, str]]:
        for name, size in SIZES.items():
            yield (
                name,
                f"{size.layers} layers, width {size.width}, {size.batch} x {size.positions}, {size.vocab} tokens",
            )

    return dict(described())


if __name__ == "__main__":
    main()
