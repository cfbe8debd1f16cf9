"""The rules of CONTRIBUTING.md that a machine can check."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from surface import PACKAGES, ROOT

LONGEST_FILE = 320
LONGEST_FUNCTION = 60
VOCABULARY = (ROOT / "docs" / "reference" / "vocabulary.md").read_text(encoding="utf-8")
AXES = set(re.findall(r"^\| `([a-z_]+)` \|", VOCABULARY, flags=re.MULTILINE))
FILES = sorted([*(ROOT / "packages").glob("*/src/**/*.py"), *(ROOT / "proof").rglob("*.py")])
BRITISH = re.compile(
    r"neighbour|colour|honour|behaviour|favour|labour|centre(?!al)|labelle|modelling|equalled|spelt\b|learnt\b|grey\b|catalogue|"
    r"(?<![.\"'])\b\w*(?:normal|recogn|token|vector|quant|memor|initial|optim|emphas|standard|stabil|parallel|regular|serial"
    r"|general|summar|util|real|organ|visual)is(?:e|ed|es|er|ing|ation)s?\b",
    re.IGNORECASE,
)
PRIVATE = {
    "_actions": "argparse lists the options of a parser nowhere else",
    "_attn_implementation": "transformers has a public function that sets the kernel, none that reads it",
    "_cdata": "a storage on the device meta has no address, and torch tells two of them apart in no other way",
    "_convert_weight_to_int4pack_for_cpu": "torch has no public function for its integer kernels",
    "_python_dispatch": "the documentation of torch imports TorchDispatchMode from there",
    "_softmax_backward_data": "no public function of torch computes it in one pass",
    "_version": "torch says in no other way whether a tensor has been changed since",
    "_weight_int4pack_mm_for_cpu": "torch has no public function for its integer kernels",
    "_weight_int8pack_mm": "torch has no public function for its integer kernels",
}
"""The private names that are used all the same, with the reason."""
TOP_LEVEL = {"llm-layers": 14, "llm-tokenizer": 16}  # entries in src/<package>: a reader's path is short


def names_reached(node: ast.AST) -> list[str]:
    """Return the names that a piece of code reaches for in something that it is not itself a part of."""
    match node:
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            return [name] if name in PRIVATE else []
        case ast.Attribute(attr=name):
            return [name]
        case ast.ImportFrom(module=module, names=names):
            return [*(module or "").split("."), *(name.name for name in names)]
        case ast.Import(names=names):
            return [part for name in names for part in name.name.split(".")]
        case ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr" | "delattr"), args=arguments):
            return [one.value for one in arguments[1:2] if isinstance(one, ast.Constant)]
        case ast.Call(func=ast.Attribute(attr="setattr" | "delattr"), args=arguments):  # pytest's monkeypatch
            texts = [one.value for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            return [part for text in texts[:1] for part in text.split(".")]
    return []


def private_names(code: str) -> set[str]:
    """Return the private names that a file reaches for and does not define itself."""
    nodes = list(ast.walk(ast.parse(code)))
    own = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names = {name for node in nodes for name in names_reached(node)}
    return {name for name in names - own if name.startswith("_") and not name.endswith("__")}


def specification(package: str):
    return importlib.import_module(f"{package.replace('-', '_')}.spec").SPECIFICATION


def known(axis: str) -> bool:
    """`*batch` is any number of axes, `#batch` one that broadcasts, `heads*d_head` two joined into one."""
    return axis in ("...", "_") or axis.isdigit() or set(axis.lstrip("*#").split("*")) <= AXES


@pytest.mark.parametrize("package", PACKAGES)
def test_every_pinned_component_says_why_it_works_and_names_its_contract(package: str) -> None:
    spec = specification(package)
    known = {contract.id for contract in spec.contracts}
    named: set[str] = set()
    for path in sorted((ROOT / "packages" / package / "src").rglob("*.py")):
        if "spec" in path.parts or "reference" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.get_docstring(node) if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else None
            if text and "Spec:" in text:
                ids = set(re.findall(r"[a-z]+\.[a-z0-9_]+", text.split("Spec:")[1].split("\n\n")[0]))
                ids = {name for name in ids if name.startswith(spec.prefix + ".")}
                assert ids <= known, f"{path}: {node.name} names unknown contracts {sorted(ids - known)}"
                # A fast function is bound to a clear one, which says why.
                assert "Why it works:" in text or {"fast", "kernels"} & set(path.parts), (
                    f"{path}: {node.name} does not explain why"
                )
                named |= ids
    assert named == known, f"no public component names the contracts {sorted(known - named)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_public_is_described(package: str) -> None:
    module = importlib.import_module(package.replace("-", "_"))
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{package}: {name} has no docstring"


def test_docstrings_begin_with_an_ordinary_verb() -> None:
    scripts = [path for name in ("tests", "docs/_build") for path in sorted((ROOT / name).rglob("*.py"))]
    found = []
    for path in [*FILES, *scripts, ROOT / "noxfile.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                first = (ast.get_docstring(node) or "-").split()[0]
                if first in ("Give", "Gives", "Say", "Says", "Tell", "Tells"):
                    found.append(f"{path.relative_to(ROOT)}: {getattr(node, 'name', 'the file')}: {first}")
    assert not found, "write Return, Print, Report …\n" + "\n".join(found)


def test_spelling_is_american() -> None:
    folders = [ROOT / "docs", ROOT / "tests", ROOT / "proof", *(ROOT / "packages" / package for package in PACKAGES)]
    kinds = {".py", ".md", ".html", ".js", ".css"}
    paths = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds]
    kept = {"recorded", "__pycache__"}
    found = []
    for path in [*paths, *ROOT.glob("*.md"), ROOT / "noxfile.py"]:
        if kept & set(path.parts) or path.name in ("test_source.py", "CHANGELOG.md"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number}: {word}" for word in BRITISH.findall(line)]
    assert not found, "write neighbor, color, normalize …\n" + "\n".join(found)


def test_neither_code_nor_tests_reach_into_private_names() -> None:
    tests = [path for folder in ("tests", "docs/_build") for path in (ROOT / folder).rglob("*.py")]
    tests += (ROOT / "packages").glob("*/tests/**/*.py")
    found = {path: private_names(path.read_text(encoding="utf-8")) for path in [*FILES, *tests, ROOT / "noxfile.py"]}
    assert {path: names - set(PRIVATE) for path, names in found.items() if names - set(PRIVATE)} == {}
    assert set.union(*found.values()) == set(PRIVATE), "a name that nobody uses any more"


@pytest.mark.parametrize(
    "code",
    [
        "from numba.core import _lower",
        "from torch._C import thing",
        "import torch._dynamo",
        "model._forward_hooks",
        "model.blocks[0]._x = 1",
        "getattr(model, '_x')",
        "monkeypatch.setattr(model, '_x', 1)",
        "monkeypatch.setattr('llm_train.run._x', 1)",
    ],
)
def test_a_private_name_is_found(code: str) -> None:
    assert private_names(code)
    assert not private_names(code.replace("._", ".").replace("'_", "'").replace(" _", " "))


@pytest.mark.parametrize("package", TOP_LEVEL)
def test_the_top_level_of_a_package_is_short(package: str) -> None:
    folder = ROOT / "packages" / package / "src" / package.replace("-", "_")
    entries = {path.name for path in folder.iterdir()} - {"__pycache__"}
    assert len(entries) <= TOP_LEVEL[package], sorted(entries)


def test_no_file_is_without_a_topic() -> None:
    names = {"util", "utils", "common", "misc", "helpers"}
    assert [path for path in FILES if names & {path.stem, *path.parent.parts[-2:]}] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    catalogs = ("slips", "contracts", "variants", "witnesses")
    if path.stem in catalogs or path.parent.name in catalogs:
        return  # catalogs, read by the entry
    assert text.count("\n") <= LONGEST_FILE, f"{path} has {text.count(chr(10))} lines: one concept, one file"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            has_docstring = ast.get_docstring(node) is not None and len(node.body) > 1
            first = node.body[1 if has_docstring else 0].lineno
            length = (node.end_lineno or 0) - first + 1
            assert length <= LONGEST_FUNCTION, f"{path}: {node.name} has {length} lines"


def test_every_axis_in_a_signature_is_in_the_vocabulary() -> None:
    odd = []
    annotation = re.compile(r"(?:Float|Int|Bool|Integer|Shaped|Num)\[[A-Za-z.]+, \"([^\"]*)\"\]")
    for path in FILES:
        for axes in annotation.findall(path.read_text(encoding="utf-8")):
            odd += [f"{path.name}: {axis}" for axis in axes.split() if not known(axis)]
    assert not odd, f"axes that docs/reference/vocabulary.md does not list: {sorted(set(odd))}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_axis_of_a_contract_is_in_the_vocabulary(package: str) -> None:
    for contract in specification(package).contracts:
        for argument in (*contract.inputs, *contract.outputs):
            for axis in (argument.axes or "").split():
                assert known(axis), f"{contract.id}: the axis {axis!r} of {argument.name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_contract_names_a_page_that_exists(package: str) -> None:
    for contract in specification(package).contracts:
        page = ROOT / "docs" / f"{contract.page}.md"
        assert page.is_file(), f"{contract.id}: there is no page {contract.page!r}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_clause_has_a_case(package: str) -> None:
    spec = specification(package)
    for contract in spec.contracts:
        if not contract.inputs:
            continue  # one answer, one case
        served = {case.clause for case in spec.cases[contract.id]}
        assert served == set(range(1, len(contract.clauses) + 1)), contract.id


def test_the_stored_cases_stay_small() -> None:
    sizes = {path: path.stat().st_size for path in (ROOT / "packages").glob("*/src/*/spec/cases/**/*.json")}
    assert sizes, "there are no cases"
    assert sum(sizes.values()) <= 5_000_000
