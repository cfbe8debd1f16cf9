"""From marked Python functions to an object file, by numba. Imported only where there is something to compile."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import extending, types
from numba.core.typing.templates import signature
from numba.np.arrayobj import populate_array

from llm_tokenizer.bpe.fast import instructions
from llm_tokenizer.bpe.fast.compiling import MARKED

# No counting of references, hence no memory that a function asks for: it belongs to the caller.
_OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy"}
_known: set[Callable[..., Any]] = set()


def compile_entry(function: Callable[..., int]) -> bytes:
    """The name of the machine code, a line break, and the object file that holds it."""
    for marked, inline in MARKED:
        if marked not in _known:
            _known.add(marked)
            extending.register_jitable(forceinline=inline, **_OPTIONS)(marked)
    count = len([name for name in function.__annotations__ if name != "return"])
    options: dict[str, Any] = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    result: Any
    (result,) = numba.njit(types.int64(*[types.int64] * count), **options)(function).overloads.values()
    wanted = {name.name for name in result.library._final_module.functions if name.is_declaration}
    missing = {name for name in wanted if not name.startswith("llvm.")}
    assert not missing, f"{function.__name__}: needs {missing}, which only a process with numba has"
    code: bytes = result.library._get_compiled_object()
    return str(result.fndesc.llvm_func_name).encode() + b"\n" + code


def _instruction(function: Callable[..., Any], result: Any, *arguments: Any) -> Callable[..., Any]:
    """Say what types a function takes and gives, and by the decorated function how it is made."""

    @extending.type_callable(function)
    def give_type(context: Any) -> Callable[..., Any]:
        def typer(*_: Any) -> Any:
            return signature(result, *arguments)

        typer.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        return typer

    lower: Callable[..., Any] = extending.lower_builtin(function, *arguments)
    return lower


def _view(function: Callable[..., Any], element: Any) -> None:
    """An array of memory that belongs to somebody else."""
    array_type = types.Array(element, 1, "C")

    @_instruction(function, array_type, types.int64, types.int64)
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(array_type)(context, builder)
        size = context.get_constant(types.intp, element.bitwidth // 8)
        data = builder.inttoptr(arguments[0], context.get_data_type(element).as_pointer())
        shape, strides = (arguments[1],), (size,)
        populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
        return array._getvalue()


_view(instructions.bytes_at, types.uint8)
_view(instructions.words_at, types.uint64)
_view(instructions.ids_at, types.int32)
_view(instructions.integers_at, types.int64)


def _pointer(builder: Any, arguments: Any, bits: int) -> Any:
    """Where the second argument, in bytes, lies after the first; to so many bits."""
    return builder.inttoptr(builder.add(arguments[0], arguments[1]), ir.IntType(bits).as_pointer())


@_instruction(instructions.byte_at, types.int64, types.int64, types.int64)
def _byte_at(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.zext(builder.load(_pointer(builder, arguments, 8)), ir.IntType(64))


@_instruction(instructions.load8, types.uint64, types.int64, types.int64)
def _load8(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.load(_pointer(builder, arguments, 64), align=1)


@_instruction(instructions.store8, types.none, types.int64, types.int64, types.uint64)
def _store8(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    builder.store(arguments[2], _pointer(builder, arguments, 64), align=1)
    return context.get_dummy_value()


@_instruction(instructions.store4, types.none, types.int64, types.int64, types.uint64)
def _store4(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    lower_half = builder.trunc(arguments[2], ir.IntType(32))
    builder.store(lower_half, _pointer(builder, arguments, 32), align=1)
    return context.get_dummy_value()


@_instruction(instructions.trailing_zeros, types.int64, types.uint64)
def _trailing_zeros(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))


@_instruction(instructions.prefetch, types.none, types.int64, types.int64)
def _prefetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, number = _pointer(builder, arguments, 8), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
    function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
    builder.call(function, [pointer, *(ir.Constant(number, value) for value in (0, 3, 1))])  # to read, keep it, data
    return context.get_dummy_value()
