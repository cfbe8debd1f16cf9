"""One call of an implementation, watched: what comes back, and what must be as it was before.

A function of a specification depends on its arguments alone and changes nothing but its answer. So a call is refused
that changes an argument or a setting of the whole process, or seeds its random numbers; that does not come back in
time; or whose answer shares memory with an argument, where a later change of one would silently change the other.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from llm_tokenizer.conformance.arrays import Arrays, parts

SECONDS = 20.0
"""How long a call may take, by default."""

FILTERS, ENVIRONMENT = "the warnings filters", "the environment variables"
_VARIABLES: Any = getattr(os, "environb", os.environ)  # bytes, where the system has them, are read twice as fast


class ImpureError(Exception):
    """A call did what no function of a specification may do; `endless`: it did not come back."""

    endless = False


def call(function: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str], seconds: float = SECONDS) -> Any:
    """Call a function and return its answer.

    Args:
        function: What is called.
        inputs: Its arguments.
        names: Their names, for the message.
        seconds: How long it may take.

    Random numbers take long to compare: `disturbed_generator` looks at them.

    Raises:
        ImpureError: It changed an argument or the process, or took too long.
    """
    before = [snapshot(value) for value in inputs]
    state, modules = {name: get() for name, get, _ in _settings()}, len(sys.modules)
    try:
        with time_limit(seconds):
            answer = function(*inputs)
    finally:
        changed = list(_restore(state, _settings()))
    if len(sys.modules) > modules:  # a library that is imported late may set these for itself
        changed = [name for name in changed if name not in (FILTERS, ENVIRONMENT)]
    for name, value, kept in zip(names, inputs, before, strict=True):
        if snapshot(value) != kept:
            raise ImpureError(f"it changed its argument {name} in place: work on a copy")
    if changed:
        raise ImpureError(f"it changed {changed[0]}, which all code in the process shares")
    return answer


def quietly(function: Callable[..., Any], *inputs: Any, seconds: float = SECONDS) -> bool:
    """Call a function for nothing but what it may remember: its answer is overwritten, as by a caller that owns it.

    Returns:
        Whether it came back; with an error too, which says nothing, since a contract need not allow these inputs.
    """
    try:
        with time_limit(seconds):
            answer = function(*inputs)
            for value in answer if isinstance(answer, tuple) else (answer,):
                _overwrite(value)
    except (Exception, SystemExit) as error:
        return not (isinstance(error, ImpureError) and error.endless)
    return True


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Put settings and random numbers of the process back, without a word."""
    torch = sys.modules.get("torch")
    state = {name: get() for name, get, _ in _settings() + _random_numbers()}
    torch_random = None if torch is None else torch.get_rng_state()
    try:
        yield
    finally:
        for _ in _restore(state, _settings() + _random_numbers()):
            pass
        if torch is not None:
            torch.set_rng_state(torch_random)


def put(other: Any, value: Any) -> Any:
    """Return the other array or list with these values in it; the value itself, where it cannot be changed."""
    if not hasattr(other, "shape") and not isinstance(other, list):
        return value
    try:
        other[... if hasattr(other, "shape") else slice(None)] = value
    except (TypeError, ValueError):  # arrays of JAX never change
        return value
    return other


def _overwrite(value: Any) -> None:
    if isinstance(value, (list, dict, bytearray)):
        value.clear()
    elif hasattr(value, "shape") and hasattr(value, "flags"):
        value[...] = 7
    elif hasattr(value, "detach"):
        value.detach().fill_(7)


def disturbed_generator(function: Callable[..., Any], twice: Sequence[Sequence[Any]], seconds: float) -> str:
    """Return whose random numbers a function seeds, or of NumPy draws; empty for none.

    Those of torch are drawn whenever a module is made, and those of Python wherever beartype checks a list. But who
    seeds them leaves the same state behind, whatever the state was before.
    """
    torch = sys.modules.get("torch")
    left, drawn = [], False
    with unchanged():
        for number, inputs in enumerate(twice, start=67_280_421):  # no state that a function would leave
            random.seed(number)
            np.random.seed(number)
            if torch is not None:
                torch.manual_seed(number)
            before = _numpy_random()
            with time_limit(seconds), contextlib.suppress(Exception, SystemExit):
                function(*inputs)
            drawn = drawn or _numpy_random() != before
            left.append((random.getstate(), None if torch is None else torch.get_rng_state().tolist()))
    (python, torchs), (python_again, torchs_again) = left
    if drawn:
        return "the random numbers of NumPy"
    if python == python_again:
        return "the random numbers of Python"
    return "the random numbers of torch" if torch is not None and torchs == torchs_again else ""


def shared_arguments(values: Any, inputs: Sequence[Any], names: Sequence[str], arrays: Arrays) -> Iterator[str]:
    """Yield the name of each argument that an answer shares memory with."""
    answers = values if isinstance(values, (tuple, list)) else (values,)
    found = [arrays.memory(part) for answer in answers for part in parts(answer)]
    for name, value in zip(names, inputs, strict=True):
        pairs = product(found, map(arrays.memory, parts(value)))
        if isinstance(value, list) and any(answer is value for answer in (values, *answers)):
            yield name
        elif any(np.may_share_memory(*pair) for pair in pairs if pair[0] is not None and pair[1] is not None):
            yield name


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop what takes longer than so many seconds. Where the system has no such alarm (Windows), nothing stops it.

    Of processor time, so that a busy machine does not turn a slow answer into a wrong one.
    """
    if not hasattr(signal, "SIGVTALRM"):
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise _Stop

    class _Stop(BaseException):
        """Not an Exception: neither the function nor the harness must take it for the function's own."""

    before = signal.signal(signal.SIGVTALRM, stop)
    # Again and again: an alarm that falls into a destructor is swallowed there.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.1)
    try:
        yield
    except _Stop:
        refusal = ImpureError(f"it did not come back within {seconds:g} seconds: look for a loop that does not end")
        refusal.endless = True
        raise refusal from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def snapshot(value: Any) -> Any:
    """Return what tells a changed value from an unchanged one."""
    if isinstance(value, np.ndarray):
        return (value.dtype, value.shape, value.flags.writeable, value.tobytes())
    if isinstance(value, (list, tuple)):
        if any(hasattr(item, "shape") for item in value):
            return (type(value), [snapshot(item) for item in value])
        return repr(value)  # of plain values: quick, also for a hundred thousand merges
    if isinstance(value, dict):
        return [(key, snapshot(item)) for key, item in value.items()]
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        held = value.detach().float() if value.dtype == torch.bfloat16 else value.detach()  # which NumPy lacks
        return (value.dtype, value.shape, value.requires_grad, held.cpu().numpy().tobytes())
    return value if isinstance(value, (str, bytes, int, float, bool)) else None


_Setting = tuple[str, Callable[[], Any], Callable[[Any], Any]]
"""Its name, and the functions that read and set it."""


def _restore(before: dict[str, Any], settings: list[_Setting]) -> Iterator[str]:
    """Yield the name of each setting that is not as it was, and put it back."""
    for name, get, put in settings:
        if name in before and get() != before[name]:
            put(before[name])
            yield name


def _settings() -> list[_Setting]:
    settings: list[_Setting] = [
        ("the error handling of NumPy", np.geterr, lambda kept: np.seterr(**kept)),
        (FILTERS, lambda: list(warnings.filters), _set_filters),
        (ENVIRONMENT, lambda: dict(_VARIABLES), _set_environment),
        ("the current folder", os.getcwd, os.chdir),
    ]
    if (torch := sys.modules.get("torch")) is not None:
        settings += [
            ("the default dtype of torch", torch.get_default_dtype, torch.set_default_dtype),
            ("the gradient mode of torch", torch.is_grad_enabled, torch.set_grad_enabled),
            ("the number of threads of torch", torch.get_num_threads, torch.set_num_threads),
        ]
    return settings


def _random_numbers() -> list[_Setting]:
    return [
        ("the random numbers of Python", random.getstate, random.setstate),
        ("the random numbers of NumPy", _numpy_random, _set_numpy_random),
    ]


def _numpy_random() -> Any:
    kind, keys, *rest = np.random.get_state()
    return (kind, np.asarray(keys).tobytes(), *rest)


def _set_numpy_random(kept: Any) -> None:
    kind, keys, *rest = kept
    np.random.set_state((kind, np.frombuffer(keys, np.uint32), *rest))


def _set_filters(kept: list[Any]) -> None:
    warnings.filters[:] = kept  # type: ignore[index]


def _set_environment(kept: dict[Any, Any]) -> None:
    _VARIABLES.clear()
    _VARIABLES.update(kept)
