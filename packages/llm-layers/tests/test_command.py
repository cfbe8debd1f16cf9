import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from llm_layers import save_model
from llm_layers.commands import stages
from llm_layers.commands.main import main
from llm_layers.commands.sources import in_words


class Terminal(io.StringIO):
    """A terminal that tells when something is written on it."""

    def __init__(self):
        super().__init__()
        self.written = threading.Event()

    def isatty(self):
        return True

    def write(self, text):
        self.written.set()
        return super().write(text)


def test_describe_shows_every_part(tmp_path, model, capsys):
    save_model(model, tmp_path)
    assert main(["describe", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    total = sum(weight.numel() for weight in model.parameters())
    assert f"{total:,} parameters in float32" in shown
    for words in ("query_norm", "24 × 12", "feed_forward", "head", "context: 32 positions"):
        assert words in shown


def test_mistakes_give_a_sentence_and_status_2(tmp_path, capsys):
    assert main(["describe", str(tmp_path / "nowhere")]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("llm-layers: error: a model must be a folder")
    assert captured.out == ""
    with pytest.raises(SystemExit) as caught:
        main(["paint"])
    assert caught.value.code == 2


def test_help_has_examples_and_version_is_shown(capsys):
    for option, words in (("--help", "examples:"), ("--version", "llm-layers 0.1")):
        with pytest.raises(SystemExit) as caught:
            main([option])
        assert caught.value.code == 0
        assert words in capsys.readouterr().out


def test_spec_puts_us_on_trial(capsys):
    assert main(["spec", "-k", "softmax"]) == 0
    assert "1 of 1" in capsys.readouterr().out
    assert main(["spec", "no_such_module"]) == 2


def test_the_module_is_the_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "llm_layers", "describe", "nowhere"],
        cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("llm-layers: error:")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "lead"), [(["describe", "."], "llm-layers: "), (["spec", "-k", "softmax"], "")], ids=["model", "spec"]
)
def test_a_full_disk_behind_the_output(tmp_path, model, arguments, lead):
    save_model(model, tmp_path)
    command = [sys.executable, "-m", "llm_layers", *arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"{lead}error: the output cannot be written: No space left on device\n"


def test_an_output_that_knows_few_characters(tmp_path, model):
    save_model(model, tmp_path)
    command, env = [sys.executable, "-m", "llm_layers", "describe", "."], os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "24 \\xd7 12" in done.stdout


def test_digits_that_are_no_numbers_are_refused_in_words(tmp_path, capsys):
    for option in ("--ids", "--top"):
        with pytest.raises(SystemExit):
            main(["lens", str(tmp_path), option, "²"])
        assert "whole number" in capsys.readouterr().err


def test_blocks_that_are_alike_are_drawn_once(tmp_path, model, capsys):
    save_model(model, tmp_path)
    assert main(["describe", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "0 … 1, each" in shown
    assert shown.count("query_norm") == 1
    assert "design: qwen3 (norm rms, placement before, query key norm head" in shown


def test_predict_needs_the_config_only_and_names_what_is_wrong(tmp_path, model, capsys):
    save_model(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert main(["predict", str(tmp_path), "--batch", "3", "--positions", "17", "--bytes", "2"]) == 0
    shown = capsys.readouterr().out
    assert f"{sum(weight.numel() for weight in model.parameters()):,}" in shown
    assert "decoding with 2 bytes a number" in shown
    assert "tokens/s" in shown
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(tmp_path), "--batch", "0"])
    assert caught.value.code == 2
    assert "whole number of at least 1, but was '0'" in capsys.readouterr().err


def test_work_that_takes_long_says_what_it_does(tmp_path, model, monkeypatch):
    save_model(model, tmp_path / "mine")
    weights = in_words(sum(weight.numel() for weight in model.parameters()))
    monkeypatch.setattr(stages, "PATIENCE", 0.0)
    for arguments, words in (
        (["describe"], f"reading mine ({weights} weights) …"),
        (["attention", "--ids", "1,2,3"], "running a text of 3 tokens …"),
        (["lens", "--ids", "1,2,3"], "running a text of 3 tokens …"),
        (["statistics", "--ids", "1,2,3"], "forward and backward, and measuring every tensor …"),
        (["convert", str(tmp_path / "new.gguf")], "writing new.gguf …"),
        (["compare", str(tmp_path / "mine")], "through both models and comparing every tensor …"),
    ):
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        assert main([arguments[0], str(tmp_path / "mine"), *arguments[1:]]) == 0
        lines = terminal.getvalue().split("\r\x1b[K")
        assert lines[1].startswith("reading mine (")
        assert any(words in line for line in lines)
        assert lines[-1] == ""  # wiped


def test_a_stage_that_goes_on_is_told_of_while_it_goes_on(monkeypatch):
    monkeypatch.setattr(stages, "PATIENCE", 0.05)
    terminal = Terminal()
    with stages.Stages(terminal) as begin:
        begin("thinking")
        assert terminal.written.wait(60)
    assert terminal.getvalue() == "\r\x1b[Kthinking …\r\x1b[K"


def test_quick_work_says_nothing(tmp_path, model, monkeypatch):
    save_model(model, tmp_path)
    monkeypatch.setattr(stages, "PATIENCE", 1000.0)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert main(["describe", str(tmp_path)]) == 0
    assert terminal.getvalue() == ""


def test_where_no_terminal_listens_each_stage_is_a_plain_line(tmp_path, model, monkeypatch, capsys):
    save_model(model, tmp_path / "mine")
    monkeypatch.setattr(stages, "PLAIN_PATIENCE", 0.0)
    assert main(["statistics", str(tmp_path / "mine"), "--ids", "1,2,3"]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("llm-layers: reading mine (")
    assert second.startswith("llm-layers: running a text of 3 tokens")


@pytest.mark.parametrize(
    ("number", "words"),
    [(7, "7"), (999.4, "999"), (999.6, "1 thousand"), (134515008, "135 million"), (3e15, "3 quadr")],
)
def test_counts_in_words(number, words):
    assert in_words(number).startswith(words)
