import os
import subprocess
import sys

import pytest

from llm_train.commands.main import main, next_commands


def run(tmp_path, capsys, *arguments):
    status = main(["run", "--runs", str(tmp_path / "runs"), *arguments])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_a_run_prints_its_stages_a_sample_figures_and_what_next(tmp_path, capsys, recipe_file):
    status, output, errors = run(tmp_path, capsys, "--recipe", str(recipe_file))
    assert (status, errors) == (0, "")
    for stage in ("text", "tokenizer", "tokens", "model", "training", "validation", "model out", "plot"):
        assert any(line.startswith(stage) and line.endswith(" s") for line in output.splitlines()), stage
    assert "bits per byte" in output
    assert output.split("next:\n")[1].count("\n") == 3
    assert (tmp_path / "runs" / "small" / "model" / "config.json").exists()
    status, again, _ = run(tmp_path, capsys, "--recipe", str(recipe_file))
    assert status == 0
    assert "is finished" in again
    assert output.split("\n\n")[-1] == again.split("\n\n")[-1]


def test_a_corpus_of_ones_own_names_the_run(tmp_path, capsys, recipe_file, play):
    path = tmp_path / "my-novel.txt"
    path.write_text(play)
    status, _, errors = run(tmp_path, capsys, "--recipe", str(recipe_file), "--corpus", str(path), "--set", "steps=2")
    assert (status, errors) == (0, "")
    assert (tmp_path / "runs" / "my-novel" / "figures.json").exists()


@pytest.mark.parametrize(
    ("arguments", "content", "words"),
    [
        (["--corpus", "{path}/none.txt"], None, ["none.txt", "no such file"]),
        (["--corpus", "{path}/text.txt"], b"", ["text.txt", "empty"]),
        (["--corpus", "{path}/text.txt"], b"abc \xfe def", ["text.txt", "UTF-8", "byte 4"]),
        (["--corpus", "{path}/text.txt", "--set", "vocabulary=258"], b"Ay, my lord. " * 5, ["context", "at least"]),
        (["--corpus", "{path}/text.txt"], b"Ay, my lord. " * 500, ["tokenizer.vocabulary", "at most"]),
        (["--recipe", "shakspeare"], None, ["shakspeare", "did you mean 'shakespeare'"]),
        (["--set", "layrs=2"], None, ["layrs", "did you mean 'layers'"]),
        (["--set", "layers=two"], None, ["model.layers", "whole number", "'two'"]),
        (["--set", "layers"], None, ["field=value"]),
        (["--run", "../else"], None, ["--run", "plain name"]),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, capsys, recipe_file, arguments, content, words):
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    arguments = [argument.format(path=tmp_path) for argument in arguments]
    recipe = [] if "--recipe" in arguments else ["--recipe", str(recipe_file)]
    status, _, errors = run(tmp_path, capsys, *recipe, *arguments)
    assert status == 2
    assert errors.startswith("llm-train: error: ")
    assert errors.count("\n") == 1
    for word in words:
        assert word in errors
    assert not list((tmp_path / "runs").glob("*"))


def test_help_lists_recipes_fields_and_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in ("shakespeare", "tiny", "hidden_rate", "warmup_steps", "--corpus novel.txt", "130"):
        assert word in shown


def test_recipes_can_be_listed_and_printed(capsys):
    assert main(["recipes"]) == 0
    assert "shakespeare" in capsys.readouterr().out
    assert main(["recipes", "tiny"]) == 0
    assert "[model]" in capsys.readouterr().out


def test_figures_of_no_run_say_so(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["figures"]) == 2
    assert "no trained model" in capsys.readouterr().err


def test_help_does_not_wait_for_torch():
    script = (
        "import sys, llm_train.commands.main as command\n"
        "try: command.main(['--help'])\n"
        "except SystemExit: print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "llm_train", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("llm-train 0.")


def test_commands_are_in_the_callers_words(monkeypatch, tmp_path):
    monkeypatch.setenv("LLM_COMMAND", "nox")
    assert next_commands(tmp_path, "ROMEO:\nO!")[0][0] == 'nox -s generate -- --prompt "ROMEO:"'
    monkeypatch.delenv("LLM_COMMAND")
    assert next_commands(tmp_path, "ROMEO:\nO!")[0][0].startswith("llm-generate text")


@pytest.mark.parametrize(
    ("sample", "prompt"),
    [
        ("\nIt was a dark and stormy night", "It was a"),
        ('He said "$HOME `now`!"', "He said HOME"),
        ("\n \n", "Once"),
        ("x" * 100, "x" * 40),
    ],
)
def test_a_prompt_of_the_learned_kind_of_text_is_proposed(sample, prompt, tmp_path):
    assert next_commands(tmp_path, sample)[0][0].endswith(f' --prompt "{prompt}"')


def test_a_full_output_is_told_in_a_sentence():
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "llm_train", "recipes"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("llm-train: error: the output cannot be written") and done.stderr.count("\n") == 1


def test_no_colour_when_it_is_not_wanted(tmp_path, recipe_file):
    environment = os.environ | {"NO_COLOR": "1", "TERM": "xterm"}
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", str(recipe_file), "--runs", str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "\x1b" not in done.stdout
