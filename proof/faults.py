"""Plant small faults in a module's source, one at a time, as a typing error would.

Each fault changes one place: an operator, a comparison, a number, a sign, a reduction. The text of
errors, docstrings and annotations is left alone, for no answer depends on it.
"""

from __future__ import annotations

import ast
import copy
import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

_SWAPS: dict[type[ast.AST], ast.AST] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Div(),
    ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Div(),
    ast.Mod: ast.FloorDiv(),
    ast.Pow: ast.Mult(),
    ast.MatMult: ast.Mult(),
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.And: ast.Or(),
    ast.Or: ast.And(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
}
_RENAMES = {"sum": "mean", "mean": "sum", "max": "min", "min": "max", "sin": "cos", "cos": "sin"}
_UNWRAPPED = {"sqrt", "exp", "log", "sorted", "reversed", "cumsum", "maximum", "minimum", "swapaxes"}


@dataclass(frozen=True)
class Fault:
    """One changed place: the function that holds it, its line of source, and what was done."""

    function: str
    text: str
    words: str
    tree: ast.Module

    def module(self, original: ModuleType) -> ModuleType:
        """Return the original module with this fault in it, as a module of its own."""
        changed = types.ModuleType(original.__name__)
        changed.__file__ = original.__file__
        changed.__package__ = original.__package__
        exec(compile(self.tree, f"<fault in {original.__name__}>", "exec"), changed.__dict__)  # noqa: S102 - our own source
        return changed


def plant(module: ModuleType) -> Iterator[Fault]:
    """Yield all faults of one module, in the order of its lines."""
    text = inspect.getsource(module)
    lines = text.splitlines()
    source = ast.parse(text)
    count = len(list(_places(source)))
    for number in range(count):
        tree = copy.deepcopy(source)
        function, node, words, change = list(_places(tree))[number]
        line = lines[getattr(node, "lineno", 1) - 1].strip()
        change()
        yield Fault(function, line, words, ast.fix_missing_locations(tree))


_Place = tuple[str, ast.AST, str, Callable[[], None]]


def _places(tree: ast.Module) -> Iterator[_Place]:
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            for node in _walk(statement):
                for place in _changes(node):
                    yield (statement.name, *place)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every node whose value counts: no docstrings, annotations or raised messages; no defaults, for all is passed."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(value, (ast.Raise, ast.arguments)):
            continue
        for child in value if isinstance(value, list) else [value]:
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not text and not isinstance(child, (ast.Raise, ast.Assert)):
                yield child
                yield from _walk(child)


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, str, Callable[[], None]]]:
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _SWAPS:
        yield _set(node, "op", _SWAPS[type(node.op)])
    elif isinstance(node, ast.BoolOp):
        yield _set(node, "op", _SWAPS[type(node.op)])
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
        yield _set(node, "ops", [_SWAPS[type(node.ops[0])], *node.ops[1:]])
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _set(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield _set(node, "value", node.value + 1)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield _set(node, "op", ast.UAdd())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        yield _set(node, "op", ast.UAdd())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _set(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
    elif isinstance(node, ast.Call):
        yield from _call_changes(node)


def _call_changes(node: ast.Call) -> Iterator[tuple[ast.AST, str, Callable[[], None]]]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in _RENAMES and isinstance(node.func, ast.Attribute):
        yield _set(node.func, "attr", _RENAMES[name])
    elif name in _RENAMES and isinstance(node.func, ast.Name):
        yield _set(node.func, "id", _RENAMES[name])
    elif name in _UNWRAPPED and node.args:

        def unwrap() -> None:
            node.func = ast.parse("lambda x, *rest, **named: x", mode="eval").body

        yield node, f"{name}(x) became x", unwrap


def _set(node: Any, attribute: str, value: Any) -> tuple[ast.AST, str, Callable[[], None]]:
    def words(thing: Any) -> str:
        thing = thing[0] if isinstance(thing, list) else thing
        return type(thing).__name__ if isinstance(thing, ast.AST) else repr(thing)

    return node, f"{words(getattr(node, attribute))} became {words(value)}", lambda: setattr(node, attribute, value)
