"""Imports: no package imports one to its right, no circle inside a package, lazy imports included."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from surface import PACKAGES, ROOT

MODULES = [package.replace("-", "_") for package in PACKAGES]
HEAVY = {"llm_tokenizer": {"torch", "transformers", "tokenizers", "tiktoken"}}


def sources(module: str) -> dict[str, Path]:
    """The files of a package by the dotted names of their modules."""
    folder = ROOT / "packages" / module.replace("_", "-") / "src"
    paths = sorted((folder / module).rglob("*.py"))
    return {".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def statements(tree: ast.AST, *, functions: bool) -> Iterator[ast.AST]:
    """Everything that may run: not what is for type checkers only, and on request not what waits in functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if functions or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
            yield from statements(node, functions=functions)


def imported(path: Path, *, lazy: bool = True) -> Iterator[tuple[str, str | None]]:
    """Pairs of module and name: ("a.b", None) for `import a.b`, ("a", "b") for `from a import b`."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), functions=lazy):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from ((str(node.module), alias.name) for alias in node.names)


def arrows(names: dict[str, Path]) -> dict[str, set[str]]:
    """Which modules of a package each of its modules imports, at any time."""
    found: dict[str, set[str]] = {}
    for name, path in names.items():
        targets = {f"{source}.{what}" if f"{source}.{what}" in names else source for source, what in imported(path)}
        found[name] = {target for target in targets if target in names} - {name}
    return found


def find_circle(graph: dict[str, set[str]]) -> tuple[str, ...]:
    """Return the modules of one circle in order, or nothing."""
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> tuple[str, ...]:
        if name in way:
            return (*way[way.index(name) :], name)
        if name not in done:
            for target in sorted(graph[name]):
                if circle := visit(target, (*way, name)):
                    return circle
            done.add(name)
        return ()

    return next(filter(None, (visit(name, ()) for name in graph)), ())


@pytest.mark.parametrize("module", MODULES)
def test_no_package_imports_one_to_its_right(module: str) -> None:
    forbidden = MODULES[MODULES.index(module) + 1 :]
    for path in sources(module).values():
        for source, _ in imported(path):
            assert source.split(".")[0] not in forbidden, f"{path} imports {source}"


@pytest.mark.parametrize("module", MODULES)
def test_imports_form_no_circle_lazy_ones_included(module: str) -> None:
    circle = find_circle(arrows(sources(module)))
    assert not circle, f"imports form a circle: {' → '.join(circle)}"


def test_a_lazy_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("from second import b\n")
    (tmp_path / "second.py").write_text("def b():\n    import first\n")
    (tmp_path / "typed.py").write_text("if TYPE_CHECKING:\n    import typed_only\n")
    names = {name: tmp_path / f"{name}.py" for name in ("first", "second", "typed")}
    assert find_circle(arrows(names)) == ("first", "second", "first")
    assert arrows(names)["typed"] == set()


@pytest.mark.parametrize("module", sorted(HEAVY))
def test_the_tokenizer_needs_no_torch(module: str) -> None:
    for path in sources(module).values():
        at_import = {source.split(".")[0] for source, _ in imported(path, lazy=False)}
        assert not at_import & HEAVY[module], f"{path} imports {at_import & HEAVY[module]} at its top"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_of_dependencies_lists_those_of_every_package(package: str) -> None:
    manifest = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {re.match(r"[\w-]+", line)[0] for line in manifest["project"]["dependencies"]} - set(PACKAGES)
    page = (ROOT / "docs" / "explanation" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page.split("## As extras")[0], re.MULTILINE)
    assert {name for name, users in rows if users == "all packages" or package in users.split(", ")} == needed
