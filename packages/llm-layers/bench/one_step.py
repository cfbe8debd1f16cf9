"""Two steps of one contestant in a process of its own, for its peak memory: `python one_step.py NAME SIZE TEXTS`.

What the process held before the model was made is not counted, nor the code that a first step reads from the disk.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import torch
import transformers  # noqa: F401 - loaded for all, so that it weighs on nobody's memory
from contestants import SIZES, contestant, step


def megabytes(what: str) -> float:
    """VmRSS, what is held now, or VmHWM, the most so far: `getrusage` would count the starting process as well."""
    return int(re.findall(rf"{what}:\s*(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024


def forget_the_peak() -> None:
    """Let VmHWM begin anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    name, size, texts = sys.argv[1], SIZES[sys.argv[2]], int(sys.argv[3])
    torch.set_num_threads(2)
    batch = replace(size, batch=texts).tokens()
    tiny = replace(size, vocab=8, width=8 * size.heads, layers=1, batch=1, positions=8)
    step(*contestant(name, tiny), *tiny.tokens(), low=False)
    gc.collect()
    forget_the_peak()
    held = megabytes("VmRSS")
    model, loss = contestant(name, size)
    for _ in range(2):
        step(model, loss, *batch, low=False)
    print(json.dumps({"peak": megabytes("VmHWM") - held}))


if __name__ == "__main__":
    main()
