"""Machine code on disk: a file for each entry, and what else is the same in every process.

A file says what it was made from. Where that is not what there is now, it is made anew and written over: other sources,
another processor, another version of the compiler's library, or bytes that have changed.
"""

from __future__ import annotations

import hashlib
import os
import threading
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

_CHECK = 32  # bytes of a SHA-256


def load_machine_code(function: Callable[..., Any]) -> int:
    """The address of the function's machine code."""

    def make() -> bytes:
        from llm_tokenizer.bpe.fast.lowering import compile_entry  # imports numba

        return compile_entry(function)

    processor = f"{llvm.get_host_cpu_name()} {sorted(llvm.get_host_cpu_features().items())}"
    made_from = f"{_sources()} {llvmlite.__version__} {llvm.get_process_triple()} {processor}"
    name, _, code = kept_on_disk(function.__name__.strip("_"), made_from, make).partition(b"\n")
    return _linked(code, name.decode())


def kept_on_disk(what: str, made_from: str, make: Callable[[], bytes]) -> bytes:
    """What `make` gives, from the disk where it was kept there before by a process that made it from the same."""
    stamp = hashlib.sha256(made_from.encode()).digest()
    for folder in _folders():
        try:
            data = (folder / f"{what}.kept").read_bytes()
        except OSError:
            continue
        content = data[2 * _CHECK :]
        if data[:_CHECK] == stamp and data[_CHECK : 2 * _CHECK] == hashlib.sha256(content).digest():
            return content
    content = make()
    data = stamp + hashlib.sha256(content).digest() + content
    if not any(_write(data, folder / f"{what}.kept") for folder in _folders()):
        warnings.warn(
            f"{what}: could not be kept in any of {', '.join(map(str, _folders()))}, so the next process makes it "
            "again, which takes seconds; make one of these folders writable",
            stacklevel=2,
        )
    return content


def _folders() -> list[Path]:
    """Beside the sources, as Python keeps its own compiled files; where that may not be written, the user's cache."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return [Path(__file__).parent / "__pycache__", user / "llm-tokenizer"]


def _write(data: bytes, path: Path) -> bool:
    """Write a file, whole or not at all: another process may read it at this moment."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError:
        return False
    return True


@cache
def _sources() -> str:
    """A checksum of all sources: what an entry is compiled from is spread over several."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


_ENGINES: list[Any] = []  # the machine code is gone from memory when its engine is


def _linked(code: bytes, name: str) -> int:
    """Put an object file into memory; gives the address of the function of that name."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)
    address: int = engine.get_function_address(name)
    assert address, f"{name}: is not in its own machine code"
    return address
