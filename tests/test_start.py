"""Ctrl-C while a command still imports its modules: a sentence and status 130, no traceback."""

import subprocess
import sys
import tomllib

import pytest

from surface import PACKAGES, ROOT

SCRIPT = """
import sys

class CtrlC:
    def find_spec(self, name, *rest):
        if name == "{module}.commands.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from {module}.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_ctrl_c_while_a_command_starts(package: str) -> None:
    module = package.replace("-", "_")
    project = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {package: f"{module}.__main__:main"}
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(module=module)], capture_output=True, text=True)
    assert done.returncode == 130
    assert done.stderr.startswith(f"{package}: stopped") and done.stderr.count("\n") == 1
    assert subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True).returncode == 0
