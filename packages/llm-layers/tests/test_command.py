import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_layers import save_model
from llm_layers.commands.inputs import in_words
from llm_layers.commands.main import main
from llm_tokenizer import CharacterTokenizer, save_tokenizer
from llm_tokenizer.commands.progress import Progress


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
    for option, words in (("--help", "examples:"), ("--version", "llm-layers 0.2")):
        with pytest.raises(SystemExit) as caught:
            main([option])
        assert caught.value.code == 0
        assert words in capsys.readouterr().out


def test_spec_checks_this_package(capsys):
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
    ("arguments", "lead"),
    [(["describe", "."], "llm-layers"), (["spec", "-k", "softmax"], "python -m llm_layers.spec")],
    ids=["model", "spec"],
)
def test_a_full_disk_behind_the_output(tmp_path, model, arguments, lead):
    save_model(model, tmp_path)
    command = [sys.executable, "-m", "llm_layers", *arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"{lead}: error: the output cannot be written: No space left on device\n"


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
    assert "decoding at 2 bytes/element" in shown
    assert "tokens/s" in shown
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(tmp_path), "--batch", "0"])
    assert caught.value.code == 2
    assert "whole number of at least 1, but was '0'" in capsys.readouterr().err


def test_work_reports_its_stages(tmp_path, model, monkeypatch):
    save_model(model, tmp_path / "mine")
    reported = []
    monkeypatch.setattr(Progress, "__call__", lambda self, stage: reported.append(stage))
    weights = in_words(sum(weight.numel() for weight in model.parameters()))
    for arguments, words in (
        (["describe"], f"reading mine ({weights} weights)"),
        (["attention", "--ids", "1,2,3"], "running a text of 3 tokens"),
        (["lens", "--ids", "1,2,3"], "running a text of 3 tokens"),
        (["statistics", "--ids", "1,2,3"], "forward and backward, and measuring every tensor"),
        (["convert", str(tmp_path / "new.gguf")], "writing new.gguf"),
        (["compare", str(tmp_path / "mine")], "through both models and comparing every tensor"),
    ):
        reported.clear()
        assert main([arguments[0], str(tmp_path / "mine"), *arguments[1:]]) == 0
        assert reported[0].startswith("reading mine (")
        assert words in reported[-1]


def test_quick_work_shows_nothing(tmp_path, model, capsys):
    save_model(model, tmp_path)
    assert main(["describe", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("given", ["runs/tale/model", "runs/tale", "tale"])
def test_a_run_may_be_named(tmp_path, model, given, capsys, monkeypatch):
    save_model(model, tmp_path / "runs" / "tale" / "model")
    save_tokenizer(CharacterTokenizer.train(["a cat"]), tmp_path / "runs" / "tale" / "model")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("a cat")
    for words in (["describe", given], ["predict", given], ["lens", given, "--text", "a cat"]):
        assert main(words) == 0
    assert main(["lens", given, "--file", "text.txt"]) == 0
    assert main(["compare", given, f"transformers:{given}", "--forward-only"]) in (0, 2)  # 2: not installed
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["convert", "--help"], ["compare", "--help"], ["--version"]])
def test_help_needs_no_torch(words):
    program = (
        "import sys; from llm_layers.commands.main import main\ntry: main(sys.argv[1:])\nfinally: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "llm_layers" in loaded
    assert not loaded & {"torch", "transformers", "matplotlib", "rich", "safetensors"}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["descirbe", "."], "did you mean describe"),
        (["convert", "a", "b", "--dtpye", "bfloat16"], "did you mean --dtype"),
        (["quantize", ".", "--txt", "x"], "did you mean --text"),
        (["convert", "a", "b", "--dtype", "int3"], "must be one of float32, float16, bfloat16, q8_0"),
    ],
)
def test_a_mistyped_word_gets_the_nearest(words, meant, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "words"),
    [(7, "7"), (999.4, "999"), (999.6, "1 thousand"), (134515008, "135 million"), (3e15, "3 quadr")],
)
def test_counts_in_words(number, words):
    assert in_words(number).startswith(words)
