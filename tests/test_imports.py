"""Imports only fall: tokenizer ← layers ← train ← generate; inside a package there is no loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from surface import PACKAGES, ROOT

MODULES = [package.replace("-", "_") for package in PACKAGES]
HEAVY = {"llm_tokenizer": {"torch", "transformers", "tokenizers", "tiktoken"}}


def sources(module: str) -> Iterator[Path]:
    yield from sorted((ROOT / "packages" / module.replace("_", "-") / "src" / module).rglob("*.py"))


def imported(path: Path, *, only_at_import: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if only_at_import else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


@pytest.mark.parametrize("module", MODULES)
def test_no_package_imports_one_to_its_right(module: str) -> None:
    forbidden = MODULES[MODULES.index(module) + 1 :]
    for path in sources(module):
        for name in imported(path):
            assert name.split(".")[0] not in forbidden, f"{path} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_itself_in_a_circle(module: str) -> None:
    names = {_dotted(path, module): path for path in sources(module)}
    arrows = {}
    for name, path in names.items():
        found = {target for target in imported(path, only_at_import=True) if target in names and target != name}
        # A package's door is opened on the way to any room; rooms must not lean on the door.
        arrows[name] = {target for target in found if names[target].name != "__init__.py"}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"imports run in a circle: {' → '.join((*way, name))}"
        if name not in done:
            for target in arrows[name]:
                visit(target, (*way, name))
            done.add(name)

    for name in names:
        visit(name, ())


@pytest.mark.parametrize("module", sorted(HEAVY))
def test_the_tokenizer_needs_no_torch(module: str) -> None:
    for path in sources(module):
        at_import = {name.split(".")[0] for name in imported(path, only_at_import=True)}
        assert not at_import & HEAVY[module], f"{path} imports {at_import & HEAVY[module]} at its top"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_can_run_code_from_a_file(module: str) -> None:
    for path in sources(module):
        assert not {"pickle", "marshal", "shelve", "dill"} & {name.split(".")[0] for name in imported(path)}, path
        text = path.read_text(encoding="utf-8")
        for call in ("torch.load(", "np.load(", "allow_pickle=True", "eval(compile"):
            assert call not in text, f"{path} calls {call}"


def _dotted(path: Path, module: str) -> str:
    parts = path.relative_to(ROOT / "packages" / module.replace("_", "-") / "src").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")
