"""The page on functions of one's own shows what a run with the files of the tutorial prints."""

import sys
from pathlib import Path

import pytest
from examples import ROOT, earlier_examples

from llm_train.parts.checking import require_parts
from llm_train.recipes.recipe import Recipe

SHOWN = ROOT / "docs" / "how-to" / "check-my-implementation.md"


def test_what_is_yours_in_the_run_is_shown_as_it_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / "tutorial" / "whole-run.md"
    files: dict[str | None, str] = {}
    for example in earlier_examples(page, page.read_text(encoding="utf-8")):
        files[example.file] = files.get(example.file, "") + example.code + "\n\n"
    parts = ("my_layers.py", "my_training.py")
    for name in (*parts, "my_tokenizer.py"):
        (tmp_path / name).write_text(files[name], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # what is imported here is for this test alone
    for name in parts:
        monkeypatch.setitem(sys.modules, Path(name).stem, sys)  # replaced by the import, and taken out after the test
    printed = "\n".join(require_parts(Recipe.load("tiny").with_values(parts=parts)))
    assert f"```text\n{printed}\n```\n" in SHOWN.read_text(encoding="utf-8")
