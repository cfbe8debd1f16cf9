"""Every Python block on the site and in the READMEs runs, and prints what the page shows."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest
from examples import ROOT, differences, pages, read_examples, run_page, start_lines, title_of

# torch picks its kernels by the processor. With these settings it computes as an older one does: its own operations
# without vector instructions, products with those of AVX2, and both on two threads.
OLDER_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2",
    "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2",
}  # fmt: skip

PARTS = 4  # a Python of its own for a quarter of the pages, since a setting must be made before torch is imported


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_of_a_page_run_and_print_what_is_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not differences(page)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_imports_public_names_from_the_package_itself(page: Path) -> None:
    imports = re.findall(r"^\s*from (llm_\w+)\.[\w.]+ import ([\w, ]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    for package, names in imports:
        for name in re.split(r",\s*", names.strip()):
            assert name.split(" as ")[0] not in importlib.import_module(package).__all__, (
                f"from {package} import {name}"
            )


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_folder_of_a_block_that_is_run_twice_may_be_there_already(page: Path) -> None:
    assert ".mkdir()" not in page.read_text(encoding="utf-8"), "write .mkdir(exist_ok=True)"


@pytest.mark.parametrize("part", range(PARTS))
def test_examples_print_the_same_on_another_processor(part: int) -> None:
    """A digit that one processor rounds up and another down must not be printed: round to fewer digits."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "_build" / "examples.py"), "--check", *map(str, pages()[part::PARTS])],
        env=os.environ | OLDER_PROCESSOR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_blocks_are_read_with_their_output_and_line() -> None:
    page = 'Words.\n\n```python\nprint("a")\n```\n\n```text\na\n```\n\n  ```python\n  b = 1\n  ```\nend\n'
    first, second = read_examples(page)
    assert (first.code, first.line, first.shown) == ('print("a")\n', 4, "a\n")
    assert (second.code, second.shown) == ("b = 1\n", None)


def test_output_of_a_later_block_is_not_taken_for_an_earlier_one() -> None:
    page = "```python\na = 1\n```\n\nProse.\n\n```text\nnot output\n```\n"
    assert read_examples(page)[0].shown is None


def test_blanks_that_were_printed_stay() -> None:
    page = "- item\n\n    ```python\n    print('  1')\n    ```\n\n    ```text\n      1\n    ```\n"
    assert read_examples(page)[0].shown == "  1\n"


def test_a_titled_block_goes_to_its_file_and_a_later_page_builds_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = (
        '```python title="mine.py"\ndef two():\n    return 2\n```\n\n```python\nhere_only = print("not there")\n```\n'
    )
    (tmp_path / "first.md").write_text(first)
    later = (
        "<!-- continues: first.md -->\n\n```python\nprint(two())\n```\n\n```text\n2\n```\n\n"
        "```console\npython -c 'import mine; print(mine.two())'\n```\n\n```text\n2\n```\n\n"
        "```console\nrm never-run-without-output\n```\n"
    )
    assert start_lines(tmp_path / "later.md", later) == "from mine import *\n"
    with pytest.raises(NameError, match="here_only"):
        list(run_page(tmp_path / "later.md", later.replace("print(two())", "here_only", 1)))
    (tmp_path / "mine.py").unlink()
    results = list(run_page(tmp_path / "later.md", later))
    assert [(example.language, printed) for example, printed in results] == [("python", "2\n"), ("console", "2\n")]


def test_a_page_may_continue_several_and_its_blocks_import_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f'# Page {name}\n\n```python title="{name}.py"\n{name} = "{name}"\n```\n')
    folded = "```python\nimport two\nprint(one + two.two)\n```\n\n```text\nonetwo\n```\n"
    later = '<!-- continues: one.md two.md -->\n\n??? success "Solution"\n\n' + indent(folded, "    ")
    assert start_lines(tmp_path / "later.md", later) == "from one import *\nfrom two import *\n"
    ((example, printed),) = run_page(tmp_path / "later.md", later)
    assert example.shown == printed == "onetwo\n"
    assert title_of(tmp_path / "two.md") == "Page two"


def test_only_python_is_ever_started(tmp_path: Path) -> None:
    page = "```console\nls\n```\n\n```text\n```\n"
    with pytest.raises(ValueError, match="must run python"):
        list(run_page(tmp_path / "page.md", page))
