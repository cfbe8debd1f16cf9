"""Compile Python functions with numba, through its documented interface only.

`entry` marks what Python calls. Its machine code is kept in numba's cache (see `docs/explanation/clear-and-fast.md`).
`compiled` and `inlined` mark what only compiled functions call; it becomes part of the entries.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

TESTED = "0.68"  # numba's version, as in the extra `fast` of pyproject.toml

try:
    import numba
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'llm_tokenizer.bpe.fast needs numba, which is not installed: run `pip install "numba=={TESTED}.*"`, '
        "or use what is not compiled, which returns the same",
        name=error.name,
    ) from None

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = {"nogil": True, "error_model": "numpy"}


def check_version(version: str) -> None:
    """Warn about a version of numba that these functions were not tested with."""
    if version.split(".")[:2] != TESTED.split("."):
        warnings.warn(
            f"llm_tokenizer.bpe.fast is tested with numba {TESTED}, but {version} is installed: ids may differ from "
            f"those of BytePairTokenizer; install numba {TESTED}",
            RuntimeWarning,
            stacklevel=2,
        )


check_version(numba.__version__)


def compiled(function: Function) -> Function:
    """Mark a function that other compiled functions call."""
    result: Function = numba.extending.register_jitable(**_OPTIONS)(function)
    return result


def inlined(function: Function) -> Function:
    """Mark a function that is copied into its callers.

    It saves the call, and it lets numba remove the counting of references to the arrays that are passed.
    """
    result: Function = numba.extending.register_jitable(forceinline=True, **_OPTIONS)(function)
    return result


def entry(function: Function) -> Function:
    """Compile a function for Python when it is first called; other Python threads run while it does.

    numba looks for changes only in the file of the function itself, and names its cached file by the function. The
    checksum of all sources in the name makes it compile again after a change in any of them.
    """
    function.__qualname__ += f"_{_CHECKSUM:08x}"
    try:
        result: Function = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError as error:  # no folder for the cache can be written
        warnings.warn(
            f"compiled again in each process, which takes seconds: {error}; set NUMBA_CACHE_DIR to a folder "
            "that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
        result = numba.njit(**_OPTIONS)(function)
    return result


_CHECKSUM = zlib.crc32(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
