"""The machine and the versions of a run: recorded because speed and last digits depend on them."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
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
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
