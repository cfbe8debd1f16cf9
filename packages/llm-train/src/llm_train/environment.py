"""On what a run ran: written beside its figures, because speed and last digits depend on it."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

PACKAGES = ("llm-train", "llm-layers", "llm-tokenizer", "torch", "numpy", "safetensors")


def environment() -> dict[str, Any]:
    """Machine, versions, threads."""
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
