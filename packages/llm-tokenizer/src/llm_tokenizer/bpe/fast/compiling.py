"""Python functions to machine code: marking them, and calling them.

A function marked `compiled` stays a Python function, and its compiled twin is called by other compiled functions only.
One marked `entry` is what Python calls: on the first call in a process its machine code is fetched from the disk
(`machine_code.py`), or made by numba (`lowering.py`), which takes some seconds once after an installation.

Why not numba's own way, a decorator and its cache: to import numba and to set it up takes half a second of every
process, though machine code that exists needs no compiler. And arrays that cross a call are counted as references,
which took a third of the encoder's time. Here all memory belongs to Python, and an entry is given addresses.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from llm_tokenizer.bpe.fast.machine_code import load_machine_code

Function = TypeVar("Function", bound=Callable[..., Any])

MARKED: list[tuple[Callable[..., Any], bool]] = []  # what entries may call, and whether it is to be copied into callers


def compiled(function: Function) -> Function:
    """A function for other compiled functions to call."""
    MARKED.append((function, False))
    return function


def inlined(function: Function) -> Function:
    """The same, copied to each place that calls it: for the few that are called for every piece or character."""
    MARKED.append((function, True))
    return function


class entry:  # noqa: N801 (a decorator)
    """A compiled function that Python calls: integers, addresses and bytes in, one integer out.

    Other Python threads run meanwhile. The caller keeps the memory behind the addresses alive.
    """

    def __init__(self, function: Callable[..., int]) -> None:
        self.function = function
        self._lock = threading.Lock()
        self._run: Callable[..., int] | None = None

    def __call__(self, *arguments: int | bytes) -> int:
        """The result for these arguments."""
        result = ctypes.c_int64()
        failed = (self._run or self._load())(ctypes.byref(result), None, *arguments)
        assert not failed, f"{self.function.__name__}: compiled functions raise no errors"
        return result.value

    def _load(self) -> Callable[..., int]:
        with self._lock:
            if self._run is None:
                kinds = [name for key, name in self.function.__annotations__.items() if key != "return"]
                assert set(kinds) <= {"Address", "int"}, f"{self.function.__name__}: takes addresses and integers only"
                types = [ctypes.c_void_p if kind == "Address" else ctypes.c_int64 for kind in kinds]
                # numba's own convention: the status is returned, the result written to where the first argument says.
                prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p, *types)
                self._run = prototype(load_machine_code(self.function))
        return self._run
