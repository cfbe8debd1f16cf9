"""The tutorial lets the reader try first: each task names what the specification has, and each solution is folded."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from examples import ROOT, read_examples
from spec_pages import load_specifications

TUTORIAL = ROOT / "docs" / "tutorial"
PAGES = sorted(path for path in TUTORIAL.glob("*.md") if '!!! question "Write' in path.read_text(encoding="utf-8"))
_TASK = re.compile(r'^!!! question "Write (.+)"$\n\n((?:^(?: {4}.*)?$\n)*)', re.MULTILINE)
_CALL = re.compile(r"`(\w+)\(([^`]*)\)`")
CONTRACTS = [contract for specification in load_specifications() for contract in specification.contracts]
SIGNATURES = {contract.name: [argument.name for argument in contract.inputs] for contract in CONTRACTS}
BACKWARD = {
    f"{contract.name}_backward": [*(f"d{output.name}" for output in contract.outputs), *SIGNATURES[contract.name]]
    for contract in CONTRACTS
}


def tasks(page: Path) -> list[tuple[str, str]]:
    """The title and the text of each task of a page."""
    return [(match[1], match[2]) for match in _TASK.finditer(page.read_text(encoding="utf-8"))]


def defined(code: str) -> set[str]:
    """The names of the functions that a block defines."""
    return {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}


def test_there_are_tasks_from_the_first_chapter_to_the_whole_run() -> None:
    assert {"tokens", "merges", "softmax", "model", "loss", "optimizers", "batches", "whole-run"} <= {
        page.stem for page in PAGES
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_task_has_the_signature_of_its_contract_and_the_command_that_checks_it(page: Path) -> None:
    for title, text in tasks(page):
        for name, arguments in _CALL.findall(title):
            if "no contract of its own" in text:
                assert name not in SIGNATURES, f"{name} has a contract"
                continue
            if "*" not in arguments:  # else the arguments are told in words
                assert [each for each in arguments.split(", ") if each] == (SIGNATURES | BACKWARD)[name], name
            keys = re.findall(r"python -m llm_\w+\.spec my_\w+ -k (\S+) --quick", text)
            assert any(key.rpartition(".")[2] in name for key in keys), f"{name}: no command checks it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_task_asks_for_is_solved_in_a_fold_below_it_and_nowhere_in_the_open(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    titled = [example for example in read_examples(text) if example.file]
    folded = {example.line for example in titled if lines[example.line - 1].startswith("    ")}
    asked = {name for title, _ in tasks(page) for name, _ in _CALL.findall(title)}
    solved = set().union(*(defined(example.code) for example in titled if example.line in folded))
    opened = set().union(*(defined(example.code) for example in titled if example.line not in folded))
    assert asked <= solved
    assert not asked & opened
    assert not opened & SIGNATURES.keys(), "a function with a contract is for the reader to write"
