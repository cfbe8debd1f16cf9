"""What `nox -s spec` makes of its words. nox itself need not be installed: a stand-in is enough."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from surface import ROOT


class Stopped(Exception):
    pass


@pytest.fixture
def noxfile(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    nox: Any = ModuleType("nox")
    nox.session = lambda function=None, **settings: function or (lambda later: later)
    nox.parametrize = lambda *given: lambda function: function
    nox.param, nox.options, nox.Session = lambda *given, **named: None, SimpleNamespace(), object
    monkeypatch.setitem(sys.modules, "nox", nox)
    found = importlib.util.spec_from_file_location("noxfile_here", ROOT / "noxfile.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def commands(noxfile: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> list[list[str]]:
    """Return the arguments of every command that `nox -s spec -- words` runs, without the interpreter."""
    ran: list[list[str]] = []

    def error(sentence: str) -> None:
        raise Stopped(sentence)

    monkeypatch.setattr(noxfile, "dev", lambda session: "python")
    monkeypatch.setattr(noxfile, "run", lambda session, *command: ran.append([*command[2:]]))
    monkeypatch.setattr(noxfile, "two_at_a_time", lambda session, several: ran.extend(one[2:] for one in several))
    noxfile.spec(SimpleNamespace(posargs=list(words), invoked_from=str(folder), error=error))
    return ran


def test_own_code_is_found_where_nox_was_called(
    noxfile: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "right.py"
    own.touch()
    for name in ("right", "right.py", str(own)):
        ran = commands(noxfile, monkeypatch, tmp_path, "llm-layers", name, "-k", "norm")
        assert ran == [["llm_layers.spec", str(own), "-k", "norm"]]
    installed = commands(noxfile, monkeypatch, tmp_path, "layers", "llm_layers.reference")
    assert installed == [["llm_layers.spec", "llm_layers.reference"]]
    assert len(commands(noxfile, monkeypatch, tmp_path, "-k", "right")) == 4


@pytest.mark.parametrize(("name", "path"), [("right", "{here}/right.py"), ("wrong", "path/to/my_code.py")])
def test_a_forgotten_package_is_answered_with_a_command_that_works(
    noxfile: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, path: str
) -> None:
    (tmp_path / "right.py").touch()
    with pytest.raises(Stopped) as stop:
        commands(noxfile, monkeypatch, tmp_path, name, "-k", "softmax")
    assert str(stop.value).endswith(f": nox -s spec -- llm-layers {path.format(here=tmp_path)}")


def test_of_two_commands_side_by_side_the_one_that_fails_is_named(
    noxfile: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    def error(sentence: str) -> None:
        raise Stopped(sentence)

    commands = [[sys.executable, "-c", f"print({word!r}); exit({status})"] for word, status in (("one", 0), ("two", 1))]
    with pytest.raises(Stopped, match=r"failed: .*two") as stop:
        noxfile.two_at_a_time(SimpleNamespace(name="spec", error=error), commands)
    assert "one" not in str(stop.value)
    assert capfd.readouterr().out.split() == ["one", "two"]
