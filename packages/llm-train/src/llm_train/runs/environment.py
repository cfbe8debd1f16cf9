"""The machine and the versions of a run: recorded because speed and last digits depend on them."""

import os
import platform
import sys
from importlib.metadata import distributions, version
from typing import Any

import torch

PACKAGES = ("llm-train", "llm-layers", "llm-tokenizer", "torch", "numpy", "safetensors")


def environment() -> dict[str, Any]:
    """Return the machine and the versions."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_count": os.cpu_count(),
        "versions": {name: version(name) for name in PACKAGES if next(iter(distributions(name=name)), None)},
    }
