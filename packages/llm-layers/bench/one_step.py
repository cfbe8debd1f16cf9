"""Some steps of one contestant in a process of its own: `python one_step.py NAME SIZE ROWS STEPS float32|bfloat16`.

Prints the peak memory above what the process held before the model.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import torch
import transformers  # noqa: F401 - loaded for all, so that it weighs on nobody's memory
from contestants import SIZES, contestant, step


def megabytes(what: str) -> float:
    return int(re.findall(rf"{what}:\s*(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024


def main() -> None:
    name, size_name, rows, steps, dtype = sys.argv[1:]
    torch.set_num_threads(2)
    size = SIZES[size_name]
    size = replace(size, batch=int(rows) or size.batch)
    held = megabytes("VmRSS")
    model, loss = contestant(name, size)
    for _ in range(int(steps)):
        step(model, loss, *size.tokens(), low=dtype == "bfloat16")
    print(json.dumps({"peak": megabytes("VmHWM") - held}))


if __name__ == "__main__":
    main()
