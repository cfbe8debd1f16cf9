"""A package of another project that is also called llm_tokenizer is recognized."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["llm_layers", "llm_train", "llm_generate"])
def test_another_package_of_the_same_name_is_named_in_one_sentence(module: str, tmp_path: Path) -> None:
    (tmp_path / "llm_tokenizer").mkdir()
    (tmp_path / "llm_tokenizer" / "__init__.py").write_text('"""Another project."""\n')
    path = os.pathsep.join([str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    for command in (["-c", f"import {module}"], ["-m", module, "--help"]):
        done = subprocess.run(
            [sys.executable, *command],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        last = done.stderr.splitlines()[-1]
        assert last.startswith("ImportError: ") and str(tmp_path) in last and "./packages/llm-tokenizer" in last
