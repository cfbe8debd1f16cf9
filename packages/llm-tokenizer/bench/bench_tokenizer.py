"""Measure the speed of the tokenizer against tiktoken and tokenizers: `nox -s bench -- tokenizer` (--record FILE).

Everything runs on one processor core and is measured in processor time, with the runs of both alternating in one
process; for warm texts the median counts, else the shortest run, which is the least disturbed. Only two threads are
measured in wall-clock time, and beside them two that share nothing: the machine can do no better at that hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from random import Random

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import corpora
import numpy as np
from measuring import Table, machine, processor_seconds, seconds, shortest_seconds, write_record
from vocabularies import Contestants, contestants

from llm_tokenizer.bpe.fast import FastDecoder, FastEncoder

DOCUMENT = 8000  # characters
LARGE = 50_000_000
MEGABYTE = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write into this JSON file, over its rows of the same name"
    )
    parser.add_argument("--only", metavar="PART", help="encode, unseen, worst, cores, training or starting")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    arguments = parser.parse_args()
    table = Table()
    texts = {"English": corpora.english(), "code": corpora.code(), "languages": corpora.languages()}
    texts = {name: text[: 4 * MEGABYTE] for name, text in texts.items()}

    def wanted(part: str) -> bool:
        return arguments.only in (None, part)

    for vocabulary in ("gpt2", "cl100k"):
        named = contestants(vocabulary)
        for language, text in texts.items() if wanted("encode") else ():
            encode(table, f"{vocabulary}, {language}", named, text, arguments.repeats)
            decode(table, f"{vocabulary}, {language}", named, text, arguments.repeats)
        if wanted("unseen"):
            encode_unseen(table, vocabulary, named)
        if wanted("worst"):
            worst_cases(table, vocabulary, named)
        if wanted("cores"):
            two_cores(table, vocabulary, named, texts["English"])
    if wanted("training"):
        with tempfile.TemporaryDirectory() as folder:
            training(table, Path(folder))
    if wanted("starting"):
        starting(table)
    print(f"{sum(row['met'] for row in table.rows)} of {len(table.rows)} bars met")
    if arguments.record:
        versions = {name: version(name) for name in ("numba", "numpy", "regex", "tiktoken", "tokenizers")}
        about = {"machine": machine(), "versions": versions, "texts": corpora.TEXTS, "unit": "processor seconds"}
        write_record(arguments.record, table.rows, about)


def encode(table: Table, what: str, named: Contestants, text: str, repeats: int) -> None:
    """Measure text that was seen before, in documents of 8,000 characters."""
    documents = [text[start : start + DOCUMENT] for start in range(0, len(text), DOCUMENT)]
    fast = FastEncoder(named.ours)
    check_equal(named, fast, documents)
    taken = processor_seconds(
        {
            "tiktoken": lambda: [named.tiktoken.encode_ordinary(document) for document in documents],
            "fast": lambda: [fast.encode(document) for document in documents],
            "plain": lambda: [named.ours.encode_to_array(document) for document in documents],
        },
        repeats=repeats,
    )
    size = len(text.encode()) / MEGABYTE
    table.compare(f"encode, {what}, no compiler", taken["plain"], taken["tiktoken"], bar=1.3, megabytes=size)
    table.compare(f"encode, {what}, fast", taken["fast"], taken["tiktoken"], bar=4, megabytes=size)


def check_equal(named: Contestants, fast: FastEncoder, documents: list[str]) -> None:
    """Check that both return tiktoken's ids: theirs and ours differ in the ids of the 256 bytes only."""
    theirs_of = np.arange(named.ours.vocab_size)
    theirs_of[:256] = [named.tiktoken.encode_single_token(bytes([byte])) for byte in range(256)]
    for document in documents:
        expected = named.tiktoken.encode_ordinary(document)
        for ids in (fast.encode(document), named.ours.encode_to_array(document)):
            if theirs_of[ids].tolist() != expected:
                raise SystemExit(f"other ids than tiktoken's for {document[:60]!r} …")


def decode(table: Table, what: str, named: Contestants, text: str, repeats: int) -> None:
    """Measure decoding: tiktoken from a list, ours from an array and from a list."""
    fast, ids, theirs = FastDecoder(named.ours), named.ours.encode_to_array(text), named.tiktoken.encode_ordinary(text)
    ours = ids.tolist()
    if not fast.decode(ids) == fast.decode(ours) == named.tiktoken.decode(theirs):
        raise SystemExit(f"decode, {what}: other texts than tiktoken's")
    taken = processor_seconds(
        {
            "tiktoken": lambda: named.tiktoken.decode(theirs),
            "fast": lambda: fast.decode(ids),
            "fast, list": lambda: fast.decode(ours),
            "plain": lambda: named.ours.decode(ids),
        },
        repeats=repeats,
    )
    size = len(text.encode()) / MEGABYTE
    table.compare(f"decode an array, {what}, no compiler", taken["plain"], taken["tiktoken"], bar=1, megabytes=size)
    table.compare(f"decode an array, {what}, fast", taken["fast"], taken["tiktoken"], bar=1, megabytes=size)
    table.compare(f"decode a list, {what}, fast", taken["fast, list"], taken["tiktoken"], bar=1, megabytes=size)


def encode_unseen(table: Table, vocabulary: str, named: Contestants) -> None:
    """Measure each text once, with an encoder that has seen none."""
    documents = list(corpora.installed(LARGE))
    size = sum(len(document.encode()) for document in documents) / MEGABYTE
    FastEncoder(named.ours).encode("compiled before the clock starts")
    fast, peer, ours = FastEncoder(named.ours), 0.0, 0.0
    for start in range(0, len(documents), 100):
        part = documents[start : start + 100]
        ours += seconds(lambda part=part: [fast.encode(document) for document in part])
        peer += seconds(lambda part=part: [named.tiktoken.encode_ordinary(document) for document in part])
    table.compare(f"encode, {vocabulary}, 50 MB unseen, fast", ours, peer, bar=2, megabytes=size)


def worst_cases(table: Table, vocabulary: str, named: Contestants) -> None:
    """Measure a megabyte on which a careless encoder takes forever, and twice as much."""
    source = Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    cases = {
        "one letter": "a" * 2 * MEGABYTE,
        "spaces": " " * 2 * MEGABYTE,
        "random letters": "".join(source.choices(letters, k=2 * MEGABYTE)),
        "digits": "".join(source.choices("0123456789", k=2 * MEGABYTE)),
        "aB1": "aB1 " * (MEGABYTE // 2),
        "one word": "internationalization" * (MEGABYTE // 10),
    }
    fast = FastEncoder(named.ours)
    fast.encode("compiled before the clock starts" + "x" * 1000)
    for name, text in cases.items():
        half = text[:MEGABYTE]
        runs = {"once": lambda half=half: fast.encode(half), "twice": lambda text=text: fast.encode(text)}
        taken = shortest_seconds(runs, repeats=15, at_least=2)
        table.limit(f"1 MB of {name}, {vocabulary}, fast", taken["once"], at_most=0.5)
        ratio = taken["twice"] / taken["once"]
        table.limit(f"2 MB of {name}, {vocabulary}, fast, times 1 MB", ratio, at_most=2.3, unit="x")


def two_cores(table: Table, vocabulary: str, named: Contestants, text: str) -> None:
    """Measure a batch on one and on two cores, in wall-clock time."""
    documents = [
        text[start : start + 100_000] for start in range(0, len(text), 100_000)
    ] * 2  # short: both cores must be idle otherwise
    fast, data = FastEncoder(named.ours), bytes(40 * MEGABYTE)

    def hash_twice(threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(sha256, [data] * 2))

    runs = {
        "one": lambda: fast.encode_batch(documents),
        "two": lambda: fast.encode_batch(documents, threads=2),
        "hash, one": lambda: hash_twice(1),
        "hash, two": lambda: hash_twice(2),
    }
    taken = shortest_seconds(runs, repeats=30, clock=time.perf_counter, at_least=60)
    table.compare(f"encode, {vocabulary}, English, two threads against one", taken["two"], taken["one"], bar=1.8)
    print(f"  two threads that share nothing (SHA-256): {taken['hash, one'] / taken['hash, two']:.2f} x")


def training(table: Table, folder: Path) -> None:
    """Measure each training in a process of its own; the merges must be those of `tokenizers`."""
    for size, vocabulary, ours, goal in ((MEGABYTE, 8192, "plain", 1 / 1.5), (LARGE, 32768, "fast", 4)):
        path = folder / f"{size}"
        corpora.store(corpora.installed(size), path)
        run_training(ours, path, 300)  # compiled before the clock starts
        found = {name: [run_training(name, path, vocabulary) for _ in range(2)] for name in ("tokenizers", ours)}
        if len({run["merges"] for runs in found.values() for run in runs}) > 1:
            raise SystemExit(f"train {size // MEGABYTE} MB: other merges than those of tokenizers")
        taken = {name: min(run["seconds"] for run in runs) for name, runs in found.items()}
        what = f"train, {size // MEGABYTE} MB to {vocabulary} tokens, {ours}, against tokenizers"
        table.compare(what, taken[ours], taken["tokenizers"], bar=round(goal, 2))
    table.limit("train, 50 MB: peak memory, fast", max(run["peak"] for run in found["fast"]), at_most=300, unit="MB")


def run_training(name: str, documents: Path, vocabulary: int) -> dict[str, float]:
    script = Path(__file__).with_name("one_training.py")
    command = [sys.executable, str(script), name, str(documents), str(vocabulary)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def starting(table: Table) -> None:
    """Measure a fresh process: importing the package, and the first use of compiled code from numba's cache."""
    steps = {
        "import llm_tokenizer": ("import llm_tokenizer", 0.15),
        "import llm_tokenizer.bpe.fast and encode a word": (
            "from llm_tokenizer import BytePairTokenizer; from llm_tokenizer.bpe.fast import FastEncoder; "
            "FastEncoder(BytePairTokenizer([])).encode('word')",
            1.0,
        ),
    }
    for what, (code, most) in steps.items():
        timed = f"import time; start = time.process_time(); {code}; print(time.process_time() - start)"
        command = [sys.executable, "-c", timed]  # the first run may have to compile, and to read files from the disk
        runs = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(6)]
        table.limit(f"{what}, processor time", min(runs[1:]), at_most=most)


if __name__ == "__main__":
    main()
