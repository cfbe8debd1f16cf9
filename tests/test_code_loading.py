"""Reading a file never runs code: every other way in which code can enter a process is listed here, with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from surface import ROOT
from test_imports import MODULES, sources

# Importing one of these gives a file the means to run code from data, or from a library that is found by its path.
LOADERS = {
    "cffi", "cloudpickle", "code", "ctypes", "dill", "imp", "joblib", "llvmlite", "marshal", "multiprocessing", "numba",
    "pickle", "runpy", "shelve", "transformers", "zipimport",
}  # fmt: skip
CALLS = {
    "__import__", "compile", "eval", "exec", "exec_module", "from_pretrained", "load_library", "load_module",
    "np.load", "numpy.load", "spec_from_file_location", "torch.hub.load", "torch.jit.load", "torch.load",
}  # fmt: skip
# Nothing but these: the file or folder, what it may use, and why no model, tokenizer or corpus gets code to run by it.
ALLOWED: dict[str, tuple[set[str], str]] = {
    "llm_tokenizer/commands/deferred_imports.py": (
        {"import_module"},
        "imports a module of our own on the first use of one of its names, as the package's `__init__.py` lists them",
    ),
    "llm_tokenizer/conformance/implementation.py": (
        {"import_module", "spec_from_file_location", "exec_module"},
        "imports the module that the user names, to check it or to train with it (`--parts`)",
    ),
    "llm_tokenizer/conformance/parts.py": (
        {"import_module"},
        "imports the parts of a specification, which our own code lists",
    ),
    "llm_tokenizer/conformance/specification.py": (
        {"import_module"},
        "imports the `spec` of a package that is named in our own code",
    ),
    "llm_tokenizer/bpe/fast/": (
        {"llvmlite", "numba"},
        "compiles our own functions; numba stores the machine code in its cache, which is trusted as `.pyc` files are",
    ),
    "llm_layers/inspection/foreign.py": (
        {"from_pretrained", "transformers"},
        "opens a model with transformers for `llm-layers compare`, without `trust_remote_code`",
    ),
}


def ways_to_run_code(text: str) -> Iterator[str]:
    """Yield the name of everything in a module that can turn data into code."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from {name.split(".")[0] for name in names} & LOADERS
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            last = called.split(".")[-1]
            if called in CALLS or (last in CALLS and last not in ("compile", "eval", "exec") and "." in called):
                yield called if called in CALLS else last
            if last == "import_module" and not _names_own_module(node):
                yield last
            for keyword in node.keywords:
                if keyword.arg in ("allow_pickle", "trust_remote_code") and ast.unparse(keyword.value) != "False":
                    yield keyword.arg
                if keyword.arg == "weights_only" and ast.unparse(keyword.value) != "True":
                    yield keyword.arg


def _names_own_module(call: ast.Call) -> bool:
    """Whether the name is written in the code, or at least its beginning, and is one of our packages."""
    first = call.args[0] if call.args else None
    if isinstance(first, ast.JoinedStr):
        first = first.values[0]
    return isinstance(first, ast.Constant) and str(first.value).split(".")[0] in MODULES


def found() -> dict[str, set[str]]:
    ways: dict[str, set[str]] = {}
    for module in MODULES:
        for path in sources(module).values():
            if names := set(ways_to_run_code(path.read_text(encoding="utf-8"))):
                ways[str(path).split("/src/")[1]] = names
    return ways


def test_only_the_listed_files_can_run_code_and_only_in_the_listed_way() -> None:
    used: dict[str, set[str]] = {}
    for file, ways in found().items():
        place = next((place for place in ALLOWED if file.startswith(place)), None)
        assert place is not None, f"{file} can run code by {sorted(ways)}: is it needed? Then list it with its reason"
        used[place] = used.get(place, set()) | ways
    assert used == {place: ways for place, (ways, _) in ALLOWED.items()}


def test_the_architecture_page_lists_each_of_them_with_its_reason() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    for file, (_, reason) in ALLOWED.items():
        assert f"| `{file}` | {reason} |" in page, f"docs/explanation/architecture.md does not say why {file} may"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pickle", {"pickle"}),
        ("def f():\n    from ctypes import CDLL", {"ctypes"}),
        ("torch.load(path, weights_only=False)", {"torch.load", "weights_only"}),
        ("np.load(path, allow_pickle=True)", {"np.load", "allow_pickle"}),
        ("importlib.import_module(name)", {"import_module"}),
        ("import_module(f'{name}.spec')", {"import_module"}),
        ("import_module(f'llm_layers.spec.{name}')", set()),
        ("exec(compile(text, 'name', 'exec'))", {"exec", "compile"}),
        ("re.compile(pattern); model.eval()", set()),
        ("loader.exec_module(module)", {"exec_module"}),
        ("torch.ops.load_library('x.so')", {"load_library"}),
        ("AutoModel.from_pretrained(folder)", {"from_pretrained"}),
    ],
)
def test_every_way_is_seen(text: str, expected: set[str]) -> None:
    assert set(ways_to_run_code(text)) == expected
