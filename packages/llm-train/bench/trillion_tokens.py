"""How long a corpus of 10^12 tokens takes to open and to give its first batch, and how much memory.

The files are sparse: they have their size, but take no room on the disk. Run it with Python, as it is.
"""

import json
import os
import resource
import tempfile
import time
from pathlib import Path

import torch  # noqa: F401  (its memory is not that of the corpus)

from llm_train.data.batches import StreamBatches
from llm_train.data.shards import Shard, joined, write_header
from llm_train.data.tokens import open_tokens

TOKENS, SHARDS = 10**12, 3_725


def main() -> None:
    """Write the sparse files, open them, and print seconds and megabytes."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, shards = Path(temporary), []
        for number in range(SHARDS):
            size = TOKENS // SHARDS + (number < TOKENS % SHARDS)
            ids, ends = folder / f"tokens-{number:05d}.bin", folder / f"tokens-{number:05d}.ends"
            ends.touch()
            with ids.open("wb") as file:
                os.truncate(file.fileno(), 2 * size)
            shards.append(Shard(file=ids.name, tokens=size, documents=0, sha256="", ends=ends.name, ends_sha256=""))
        header = joined(shards, size=4 * TOKENS, vocab_size=50_000, separator=0, tokenizer_sha256="")
        write_header(folder / "tokens.json", header)
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        text = open_tokens(folder / "tokens.json")
        batch = StreamBatches(text, context_length=2048, batch=64, seed=1)(0)
        seconds = time.perf_counter() - began
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        found = {"tokens": len(text), "shards": SHARDS, "rows": batch.rows, "seconds": seconds, "megabytes": memory}
        print(json.dumps(found))


if __name__ == "__main__":
    main()
