"""How fast a training is: `nox -s bench -- train` (--only PART, --record FILE).

    race     the end loss of the recipe `classic`, whole validation text: how much sooner `sprint` reaches it
    budget   `sprint` with as many minutes as `classic` takes: how much lower its loss on the whole validation text is
    wide     6 layers, 384 wide, 64 windows of 256: tokens per second next to code in nanoGPT's shape
    default  tokens per second of the recipe `shakespeare`, next to an earlier commit (--against COMMIT)
    start    from the command to the first update of the recipe `tiny`
    sparse   a corpus of 10^12 tokens: opened, and its first batch read

Every figure is of a whole process as a user starts it, and of its own logs. Seeds are drawn anew for each round and
shown; the settings are those of the shipped recipes, fixed beforehand. What is compared runs in turn, in one run of the
bench, and the median counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "llm-tokenizer" / "bench"))  # one kind of table for all packages

from measuring import Table, machine, write_record

ROOT = Path(__file__).parents[3]
ROUNDS = 3
WIDE_STEPS = 6


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--record", type=Path, metavar="FILE", help="write into this JSON file")
    parser.add_argument("--against", metavar="COMMIT", help="the earlier commit for `default`, in this repository")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    table = Table()
    for name, part in PARTS.items():
        if given.only in (None, name):
            part(table, given)
    print(f"{sum(row['met'] for row in table.rows)} of {len(table.rows)} bars met")
    if given.record:
        write_record(given.record, table.rows, {"machine": machine()})


def race(table: Table, given: argparse.Namespace) -> None:
    """Run the baseline and the sprint in turn; a sprint that does not reach the baseline's loss has not arrived."""
    whole, loop, lost = [], [], 0
    for seed in seeds(given.rounds):
        classic, sprint = (trained(recipe, [f"seed={seed}"]) for recipe in ("classic", "sprint"))
        losses = [one["validation_loss"] for one in (classic, sprint)]
        print(f"seed {seed}: classic ends at {losses[0]:.4f}, sprint at {losses[1]:.4f} nats per character", flush=True)
        lost += losses[1] > losses[0]
        whole.append((sprint["wall"], classic["wall"]))
        loop.append(tuple(one["seconds_by_stage"]["training"] for one in (sprint, classic)))
    arrived = "" if not lost else f", {lost} of {given.rounds} rounds not arrived"
    for what, pairs, bar in (("whole process", whole, 10.0), ("loop alone", loop, 15.0)):
        ours, peer = (median(column) for column in zip(*pairs, strict=True))
        table.compare(f"end loss of classic by sprint, {what}{arrived}", ours, peer, bar=bar)


def budget(table: Table, given: argparse.Namespace) -> None:
    """Run the baseline, and then the sprint for as long: the wall time of the whole process."""
    gained = []
    for seed in seeds(given.rounds):
        classic = trained("classic", [f"seed={seed}"])
        sprint = trained("sprint", [f"seed={seed}", f"minutes={classic['wall'] / 60}"])
        gained.append(classic["validation_loss"] - sprint["validation_loss"])
        for name, one in (("classic", classic), ("sprint", sprint)):
            print(
                f"seed {seed}, {name}: {one['validation_loss']:.4f} nats per character, {one['wall']:.0f} s", flush=True
            )
    table.least("nats per character below the end loss of classic, in its time", median(gained), at_least=0.30)


def wide(table: Table, given: argparse.Namespace) -> None:
    """Time updates of GPT-2's shape with AdamW; the peer in bfloat16 and in float32, and the faster one counts."""
    shape = [
        "d_model=384", "layers=6", "heads=6", "kv_heads=6", "d_head=64", "d_ff=1536", "context_length=256", "batch=64",
        "compile=yes", "kernels=fused", f"steps={WIDE_STEPS}", "validations=0", "samples=0", "checkpoints=0",
        'held_out=["macbeth"]',
    ]  # fmt: skip
    script = Path(__file__).with_name("nanogpt_updates.py")
    ours: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    peers: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for seed in seeds(given.rounds):
        for precision in ours:
            found = trained("classic", [f"seed={seed}", f"precision={precision}", *shape])
            ours[precision].append(found["seconds_per_update"])
            ran = subprocess.run([sys.executable, script, precision, str(WIDE_STEPS)], capture_output=True, check=True)
            peers[precision].append(json.loads(ran.stdout)["seconds_per_update"])
            print(
                f"{precision}: {ours[precision][-1]:.2f} s an update, the peer {peers[precision][-1]:.2f} s", flush=True
            )
    best = [min(median(taken) for taken in one.values()) for one in (ours, peers)]
    table.compare("6 x 384, an update of 64 x 256 tokens, next to nanoGPT's shape", best[0], best[1], bar=1.3)


def default(table: Table, given: argparse.Namespace) -> None:
    """Run the default recipe, whole, with this code and with an earlier commit's, in turn."""
    if given.against is None:
        print("default: name an earlier commit with --against to compare with")
        return
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder, "old")
        subprocess.run(["git", "worktree", "add", "--detach", old, given.against], cwd=ROOT, check=True)
        try:
            speeds: dict[str, list[float]] = {"new": [], "old": []}
            for seed in seeds(given.rounds):
                for name, sources in (("new", ROOT), ("old", old)):
                    result = trained("shakespeare", [f"seed={seed}"], sources)
                    speeds[name].append(result["tokens_per_second"])
                    print(f"seed {seed}, {name}: {result['bits_per_byte']:.4f} bits per byte", flush=True)
            new, before = (1 / median(speeds[name]) for name in ("new", "old"))
            table.compare(f"shakespeare, tokens per second, against {given.against}", new, before, bar=1.7)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", old], cwd=ROOT, check=True)


def start(table: Table, given: argparse.Namespace) -> None:
    """Wait for the first row of the log."""
    taken = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            process = subprocess.Popen(command("tiny", [], Path(folder)), stdout=subprocess.DEVNULL)
            log = Path(folder, "bench", "metrics.jsonl")
            while not log.exists() or not log.stat().st_size:
                if process.poll() not in (None, 0):
                    raise SystemExit("the run failed")
                time.sleep(0.005)
            taken.append(time.perf_counter() - began)
            process.wait()
    table.limit("from the command to the first update of tiny", median(taken), at_most=4.0)


def sparse(table: Table, given: argparse.Namespace) -> None:
    """Open a file of two terabytes that takes no room."""
    script = Path(__file__).with_name("trillion_tokens.py")
    found = [
        json.loads(subprocess.run([sys.executable, script], capture_output=True, check=True).stdout)
        for _ in range(given.rounds)
    ]
    table.limit("10^12 tokens: opened, and the first batch", median(one["seconds"] for one in found), at_most=1.0)
    memory = median(one["megabytes"] for one in found)
    table.limit("10^12 tokens: memory beside the interpreter and torch", memory, at_most=300.0, unit="MB")


PARTS = {"race": race, "budget": budget, "wide": wide, "default": default, "start": start, "sparse": sparse}


def seeds(count: int) -> list[int]:
    """Draw seeds that nobody has tuned on."""
    return [random.SystemRandom().randrange(10**6) for _ in range(count)]


def command(recipe: str, settings: list[str], runs: Path) -> list[str]:
    """Return the command of a run."""
    words = [sys.executable, "-m", "llm_train", "run", "--recipe", recipe, "--runs", str(runs), "--run", "bench"]
    return words + [word for setting in settings for word in ("--set", setting)]


def trained(recipe: str, settings: list[str], sources: Path | None = None) -> dict[str, Any]:
    """Run a recipe in a process of its own, with the sources of a checkout or with what is installed."""
    environment = dict(os.environ)
    if sources is not None:
        packages = ("llm-tokenizer", "llm-layers", "llm-train", "llm-generate")
        environment["PYTHONPATH"] = os.pathsep.join(str(sources / "packages" / name / "src") for name in packages)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        ran = subprocess.run(
            command(recipe, settings, Path(folder)), env=environment, capture_output=True, text=True, check=False
        )
        wall = time.perf_counter() - began
        if ran.returncode:
            raise SystemExit(f"{recipe}: {ran.stderr[-2000:]}")
        results: dict[str, Any] = json.loads(Path(folder, "bench", "results.json").read_text(encoding="utf-8"))
        log = Path(folder, "bench", "timings.jsonl").read_text(encoding="utf-8")
    times = [json.loads(line)["seconds"] for line in log.splitlines()]
    update = median(after - before for before, after in pairwise(times))
    return results | {"wall": wall, "seconds_per_update": update}


if __name__ == "__main__":
    main()
