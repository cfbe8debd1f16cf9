"""Train once in a process of its own, for its peak memory: `python one_training.py fast documents 32768`."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import corpora


def main() -> None:
    name, documents, vocabulary = sys.argv[1], corpora.stored(Path(sys.argv[2])), int(sys.argv[3])
    train = {"tokenizers": by_tokenizers, "fast": by_the_fast_path, "plain": by_plain_python}[name]()
    start = time.process_time()
    trained = train(documents, vocabulary)
    taken = time.process_time() - start
    peak = peak_megabytes()
    merges = json.dumps(merges_of(trained)).encode()
    print(json.dumps({"seconds": taken, "peak": peak, "merges": hashlib.sha256(merges).hexdigest()}))


def peak_megabytes() -> float:
    """Return the peak of this program: `getrusage` would count the process that started it as well."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1024


def by_tokenizers() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    def train(documents: Iterable[str], vocabulary: int) -> Any:
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.train_from_iterator(documents, trainer)
        return tokenizer

    return train


def by_the_fast_path() -> Any:
    from llm_tokenizer.bpe.fast import train_bpe

    return lambda documents, vocabulary: train_bpe(documents, vocab_size=vocabulary)


def by_plain_python() -> Any:
    from llm_tokenizer import train_bpe

    return lambda documents, vocabulary: train_bpe(documents, vocab_size=vocabulary)


def merges_of(trained: Any) -> list[list[str]]:
    """Return the merges as `tokenizers` writes them."""
    if hasattr(trained, "to_str"):
        merges: list[list[str]] = json.loads(trained.to_str())["model"]["merges"]
        return merges
    from llm_tokenizer.bpe.byte_unicode import to_printable

    token = [to_printable(trained.token_bytes(id)) for id in range(trained.vocab_size)]
    return [[token[left], token[right]] for left, right in trained.merges]


if __name__ == "__main__":
    main()
