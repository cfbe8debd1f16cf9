import os
import subprocess
import sys

import pytest

from llm_layers import save_model
from llm_layers.command import main


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
