import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llm_tokenizer.commands.parser import Parser
from llm_train.commands import results as results_module
from llm_train.commands.main import main
from llm_train.commands.results import next_commands
from llm_train.commands.run import add_run, recipe_and_folder
from llm_train.evaluation import Evaluation
from llm_train.recipes.recipe import Recipe
from llm_train.stages import finish, prepare, pretrain, training_run
from llm_train.stages.prepare import prompt_from


def run(tmp_path, capsys, *arguments):
    try:
        status = main(["run", "--runs", str(tmp_path / "runs"), *arguments])
    except SystemExit as end:  # a mistake in the options
        status = end.code
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_a_run_prints_its_stages_a_sample_results_and_what_next(tmp_path, capsys, recipe_file):
    status, output, errors = run(tmp_path, capsys, "--recipe", str(recipe_file))
    assert (status, errors) == (0, "")
    for stage in ("text", "tokenizer", "tokens", "model", "training", "validation", "save model", "report"):
        assert any(line.startswith(stage) and line.endswith(" s") for line in output.splitlines()), stage
    assert "bits per byte" in output
    assert "\n\na sample:\n" in output  # the recipe's prompt is a line break
    assert output.split("next:\n")[1].count("\n") == 3
    assert (tmp_path / "runs" / "small" / "model" / "config.json").exists()
    status, again, _ = run(tmp_path, capsys, "--recipe", str(recipe_file))
    assert status == 0
    assert "is already finished" in again
    assert output.split("\n\n")[-1] == again.split("\n\n")[-1]
    for named in ([], ["small"]):
        assert main(["results", *named, "--runs", str(tmp_path / "runs")]) == 0
        assert capsys.readouterr().out.splitlines()[0] == f"run {tmp_path / 'runs' / 'small'}"


def test_a_corpus_of_ones_own_names_the_run(tmp_path, capsys, recipe_file, play):
    path = tmp_path / "my-novel.txt"
    path.write_text(play)
    status, _, errors = run(tmp_path, capsys, "--recipe", str(recipe_file), "--corpus", str(path), "--set", "steps=2")
    assert (status, errors) == (0, "")
    assert (tmp_path / "runs" / "my-novel" / "results.json").exists()
    arguments = ["--recipe", str(recipe_file), "--run", "asked", "--set", "steps=2", "--set", "sample_prompt=ROMEO:"]
    assert "\n\na sample, continued from 'ROMEO:':\nROMEO:" in run(tmp_path, capsys, *arguments)[1]


@pytest.mark.parametrize(
    ("arguments", "content", "words"),
    [
        (["--corpus", "{path}/none.txt"], None, ["none.txt", "no such file"]),
        (["--corpus", ""], None, ["data.corpus", "empty"]),
        (["--corpus", "{path}/text.txt"], b"", ["text.txt", "empty"]),
        (["--corpus", "{path}/text.txt"], b"a", ["text.txt: the text is too short to hold out a tenth"]),
        (["--corpus", "{path}/text.txt"], b"abc \xfe def", ["text.txt", "UTF-8", "byte 4"]),
        (["--corpus", "{path}/text.txt", "--set", "vocab_size=258"], b"Ay, my lord. " * 5, ["--set context_length=27"]),
        (["--corpus", "{path}/text.txt"], b"Ay, my lord. " * 500, ["at most", "--set vocab_size=2"]),
        (["--set", "vocab_size=100"], None, ["tokenizer.vocab_size must be at least 257", "was 100"]),
        (["--corpus", "{path}/text.txt"], b"%PDF\0\xd9\0", ["byte 5 is 0xd9", "looks like a binary file"]),
        (["--recipe", "shakspeare"], None, ["shakspeare", "did you mean shakespeare"]),
        (["--set", "layrs=2"], None, ["layrs", "did you mean layers"]),
        (["--set", "layers=two"], None, ["model.layers", "whole number", "'two'"]),
        (["--set", "layers"], None, ["field=value"]),
        (["--set", "report.sample_prompt=ab\udcff"], None, ["report.sample_prompt must be UTF-8", "character 2"]),
        (["--set", 'report.trackers=["trackoi"]'], None, ["no tracker 'trackoi'", "did you mean trackio"]),
        (["--set", "batch=1000000000"], None, ["training.batch is 1,000,000,000", "GB are free", "--set accumulate="]),
        (["--run", "../else"], None, ["--run", "plain name"]),
        (["--run", ""], None, ["--run", "plain name"]),
        (["--recpie", "tiny"], None, ["--recpie", "did you mean --recipe"]),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, capsys, recipe_file, arguments, content, words):
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    arguments = [argument.format(path=tmp_path) for argument in arguments]
    recipe = [] if "--recipe" in arguments else ["--recipe", str(recipe_file)]
    status, _, errors = run(tmp_path, capsys, *recipe, *arguments)
    assert status == 2
    assert errors.startswith(("llm-train: error: ", "llm-train run: error: "))
    assert errors.count("\n") == 1
    assert all(word not in errors for word in ("--errors", "--vocab-size", "replace", "--allow"))  # of llm-tokenizer
    for word in words:
        assert word in errors
    assert not list((tmp_path / "runs").glob("*"))


@pytest.mark.parametrize("place", ["load_corpus", "parameter_count"])
def test_ctrl_c_says_what_is_there_to_resume(tmp_path, capsys, recipe_file, monkeypatch, place):
    def interrupt(*rest):
        signal.raise_signal(signal.SIGINT)

    module, where = (prepare, "during the preparation") if place == "load_corpus" else (finish, "between two steps")
    monkeypatch.setattr(module, place, interrupt)
    status, _, errors = run(tmp_path, capsys, "--recipe", str(recipe_file))
    assert status == 130
    assert errors == (
        f"llm-train: stopped {where}; everything that was finished is saved. The same command resumes the run.\n"
    )


def test_a_finished_run_is_a_whole_sentence_in_python_too(tmp_path, capsys, recipe_file):
    for _ in range(2):
        pretrain.train(Recipe.load(str(recipe_file)), tmp_path / "verse")
    assert capsys.readouterr().out.endswith(
        f"{tmp_path / 'verse'} is already finished; to begin anew, choose another folder (in a command: --run NAME) or "
        f"remove {tmp_path / 'verse'}\n"
    )


def test_a_finished_run_refuses_a_text_that_has_changed_and_not_one_that_is_gone(tmp_path, capsys, recipe_file, play):
    text = tmp_path / "verse.txt"
    text.write_text(play)
    command = ["--recipe", str(recipe_file), "--corpus", str(text), "--set", "steps=2"]
    assert run(tmp_path, capsys, *command)[0] == 0
    text.write_text(play + "One line more.\n")
    status, _, errors = run(tmp_path, capsys, *command)
    assert (status, "was started with another text" in errors) == (2, True)
    text.unlink()
    status, output, _ = run(tmp_path, capsys, *command)
    assert (status, "is already finished" in output) == (0, True)


def test_a_field_of_a_recipe_as_an_option_is_told_how_it_is_set(tmp_path, capsys):
    for flag, field in (("--steps", "training.steps"), ("--matrix-lr", "optimizer.matrix_lr")):
        said = run(tmp_path, capsys, flag, "5")[2]
        assert f"there is no option '{flag}': write --set {field}=VALUE" in said


def test_rows_without_the_field_are_told_the_setting_and_the_fields_that_there_are(tmp_path, capsys, recipe_file):
    rows = tmp_path / "rows.jsonl"
    for row, why in (
        ({"body": "x", "title": "y"}, "must have the field 'text' (it has 'body', 'title')"),
        ({"text": 5}, "the field 'text' must be a string, is 5"),
    ):
        rows.write_text(json.dumps(row) + "\n")
        status, _, said = run(tmp_path, capsys, "--recipe", str(recipe_file), "--corpus", str(rows))
        assert (status, said.count("\n")) == (2, 1)
        assert why in said and said.endswith(", or use --set data.field=NAME\n")


def test_a_mistyped_field_of_the_rows_is_told_the_nearest(tmp_path, capsys, recipe_file):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"body": "x"}\n')
    words = ["--recipe", str(recipe_file), "--corpus", str(rows), "--set", "field=boddy"]
    assert run(tmp_path, capsys, *words)[2].endswith("(it has 'body'), or use --set data.field=body\n")


def test_an_option_takes_several_files_as_a_shell_writes_them(tmp_path, recipe_file):
    parser = Parser("llm-train", "")
    add_run(parser)
    (tmp_path / "a.py").touch(), (tmp_path / "b.py").touch()
    parts = [str(tmp_path / "a.py"), str(tmp_path / "b.py")]
    words = ["run", "--corpus", "a.txt", "b.txt", "--corpus", "c.txt", "--recipe", str(recipe_file), "--parts"]
    for given in (parts, [",".join(parts)]):
        recipe, _ = recipe_and_folder(parser.parse([*words, *given]))
        assert recipe.data.corpus == ("a.txt", "b.txt", "c.txt")
        assert [entry.partition("@")[0] for entry in recipe.compute.parts] == parts


def test_help_lists_recipes_fields_and_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in ("shakespeare", "tiny", "matrix_lr", "warmup_steps", "--corpus novel.txt", "130"):
        assert word in shown


def test_help_has_every_default_and_the_command_that_was_typed(capsys, monkeypatch):
    monkeypatch.setenv("LLM_COMMAND", "nox -s train --")
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: nox -s train -- [-h]") and "llm-train" not in shown
    assert "  nox -s train -- --recipe tiny   " in shown
    for default in (
        "is measured (4.1; default absent)",
        '(["macbeth", "twelfth-night", "richard-ii"]; default [])',
        "(rope_theta) (1000.0; default 10000.0)",
        "query heads (3)",
    ):
        assert default in " ".join(shown.split()), default
    assert max(len(line) for line in shown.split("[data]")[1].split("how --set")[0].splitlines()) <= 80


def test_recipes_can_be_listed_and_printed(capsys):
    assert main(["recipes"]) == 0
    assert "shakespeare" in capsys.readouterr().out
    assert main(["recipes", "tiny"]) == 0
    assert "[model]" in capsys.readouterr().out


def test_results_of_no_run_say_so(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["results"]) == 2
    assert "no trained model" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["results", "--help"],
        ["recipes"],
        ["--version"],
        ["report", "--help"],
        ["compare", "--help"],
        ["profile", "--help"],
    ],
)
def test_help_does_not_wait_for_torch(arguments):
    script = (
        "import sys\nfrom llm_train.commands.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'numpy', 'rich'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


@pytest.mark.parametrize(
    "words", [["run"], ["run", "--dry-run", "--json"], ["profile"], ["report"], ["compare", "a", "b"]]
)
def test_a_command_says_that_it_has_begun_before_torch_is_imported(tmp_path, words):
    (tmp_path / "torch.py").write_text('import os\nos.write(2, b"torch\\n")\nos._exit(7)\n')  # in the place of torch
    code = "import sys\nfrom llm_train.commands.main import main\nsys.exit(main())"
    for rank, shown in (("0", "llm-train: starting, PyTorch is being loaded …\n"), ("1", "")):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"RANK": rank},
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (7, "", f"{shown}torch\n")


def test_a_mistyped_verb_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["recepies"])
    assert ended.value.code == 2
    assert "did you mean recipes?" in capsys.readouterr().err


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "llm_train", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("llm-train 0.")


def with_model(folder):
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").touch()
    return folder


def test_commands_are_in_the_callers_words(monkeypatch, tmp_path):
    monkeypatch.setattr(results_module, "find_spec", lambda name: name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_COMMAND", "nox -s train --")
    generate = "nox -s generate -- --run"
    assert next_commands(with_model(Path("runs/tale")), "ROMEO:")[0][0] == f'{generate} tale --prompt "ROMEO:"'
    named = with_model(tmp_path / "two words")
    assert next_commands(named, "Hi")[0][0] == f"{generate} '{tmp_path}/two words' --prompt \"Hi\""
    monkeypatch.delenv("LLM_COMMAND")
    assert next_commands(named, "Hi")[0][0] == f"llm-generate text --model '{named}/model' --prompt \"Hi\""


def test_a_command_that_cannot_be_followed_is_not_proposed(monkeypatch, tmp_path):
    monkeypatch.delenv("LLM_COMMAND", raising=False)
    monkeypatch.setattr(results_module, "find_spec", lambda name: name)
    assert next_commands(tmp_path, "Hi")[0][0] == f"llm-train report {tmp_path}", "there is no model"
    with_model(tmp_path)
    assert next_commands(tmp_path, "Hi")[0][0].startswith("llm-generate")
    monkeypatch.setattr(results_module, "find_spec", lambda name: None)
    assert next_commands(tmp_path, "Hi")[0][0] == f"llm-train report {tmp_path}", "llm-generate is not installed"


@pytest.mark.parametrize("name", ["plain", "two words", ":heart:", "[bold]", "$HOME", "bad\udcff", "-r"])
def test_a_proposed_command_names_the_path_as_it_is(name, tmp_path, monkeypatch):
    monkeypatch.delenv("LLM_COMMAND", raising=False)
    monkeypatch.setattr(results_module, "find_spec", lambda name: name)
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--prompt")
    folder = with_model(Path(name))
    for prompt in ("Once upon a time", 'He said "$HOME `now`!"', "it's", "-n", "--a", "- a list"):
        words = shlex.split(next_commands(folder, prompt)[0][0])
        given = parser.parse_args(words[2:])
        assert (words[:2], given.model, given.prompt) == (["llm-generate", "text"], f"{name}/model", prompt)
    for dashes in ("-", "--"):  # alone they are the standard input, and the end of the options
        assert parser.parse_args(shlex.split(next_commands(folder, dashes)[0][0])[2:]).prompt == f" {dashes}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "'validation_loss' is missing"),
        ('{"validation_loss": null}', "damaged"),
        ('{"validation_loss": "2"}', "damaged"),
        ("[]", "JSON object"),
        ('{"validation_loss": 1', "JSON object"),
    ],
)
def test_results_that_are_damaged_are_one_sentence(tmp_path, capsys, content, said):
    folder = tmp_path / "runs" / "old"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text('[data]\ncorpus = "x"\n[training]\nsteps = 1\n')
    (folder / "results.json").write_text(content)
    assert main(["results", "old", "--runs", str(tmp_path / "runs")]) == 2
    shown = capsys.readouterr().err
    assert "results.json" in shown and said in shown and shown.count("\n") == 1


def test_results_end_as_any_program_does_whose_reader_is_gone(tmp_path, recipe_file, capsys):
    runs = str(tmp_path / "runs")
    assert run(tmp_path, capsys, "--recipe", str(recipe_file), "--set", "steps=2")[0] == 0
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "llm_train", "results", "small", "--runs", runs]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("text", "wanted", "prompt"),
    [
        ("\n# One\n\nIt was a dark and stormy night.", "\n", "It was a"),
        ("Once. ROMEO:\nO!", "ROMEO:\n", "ROMEO:"),
        ("Call me Ishmael. Some years ago", "ROMEO:\n", "Call me"),
        ("吾輩は猫である。\n名前はまだ無い。", "\n", "吾輩は猫である。"),
    ],
)
def test_the_proposed_prompt_is_words_of_the_training_text(text, wanted, prompt):
    assert prompt_from(text, wanted) == prompt
    assert prompt in text


@pytest.mark.parametrize("name", [b"bad\xff.txt", b"[bold] :heart:.txt"])
def test_a_path_that_looks_like_markup_or_is_not_utf8_is_printed_verbatim(tmp_path, recipe_file, play, name):
    folder = os.fsencode(tmp_path / "texts")
    os.mkdir(folder)
    with open(os.path.join(folder, name), "w") as file:
        file.write(play)
    runs = tmp_path / "runs"
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", str(recipe_file), "--runs", str(runs)]
    command += ["--set", "steps=2", "--corpus", os.path.join(folder, name)]
    for _ in range(2):  # the second time it reads what the first one wrote
        done = subprocess.run(command, capture_output=True)
        assert (done.returncode, done.stderr.decode()) == (0, "llm-train: starting, PyTorch is being loaded …\n")
        assert os.fsencode(runs) + b"/" + name.removesuffix(b".txt") in done.stdout


@pytest.mark.parametrize("output", ["closed pipe", "full disk"])
def test_a_run_does_not_end_because_its_output_is_gone(tmp_path, recipe_file, output):
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", str(recipe_file), "--runs", str(tmp_path / "runs")]
    reader, writer = os.pipe() if output == "closed pipe" else (None, os.open("/dev/full", os.O_WRONLY))
    if reader is not None:
        os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == (141 if output == "closed pipe" else 2)
    assert "Traceback" not in done.stderr
    assert (tmp_path / "runs" / "small" / "results.json").exists()


def test_a_perplexity_beyond_all_numbers_is_infinite(tmp_path, capsys, recipe_file, monkeypatch):
    monkeypatch.setattr(training_run, "evaluate", lambda *arguments, **options: Evaluation(733.0, 0.3))
    status, output, errors = run(tmp_path, capsys, "--recipe", str(recipe_file))
    assert (status, errors) == (0, "")
    assert "perplexity inf" in output


def test_a_full_output_is_one_sentence():
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "llm_train", "recipes"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("llm-train: error: the output cannot be written") and done.stderr.count("\n") == 1


def test_no_color_when_it_is_not_wanted(tmp_path, recipe_file):
    environment = os.environ | {"NO_COLOR": "1", "TERM": "xterm"}
    command = [sys.executable, "-m", "llm_train", "run", "--recipe", str(recipe_file), "--runs", str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("corpus", "name"),
    [("folder", "folder"), ("folder/*.txt", "folder"), ("folder/**/a?.txt", "folder"), ("folder/a.txt.gz", "a")],
)
def test_a_run_is_named_after_its_text(tmp_path, monkeypatch, capsys, corpus, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("The quick brown fox.\n" * 50)
    monkeypatch.chdir(tmp_path)
    main(["run", "--recipe", "tiny", "--corpus", corpus, "--set", "vocab_size=999999", "--set", "steps=1"])
    assert f"-> runs/{name}\n" in capsys.readouterr().out


def test_a_model_that_no_tool_can_load_is_said_before_it_is_trained(tmp_path, capsys):
    settings = ["steps=1", "vocab_size=261", "design=gpt2", "kv_heads=1", "tokenizer.kind=bpe"]
    (tmp_path / "a.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 200)
    words = [word for one in settings for word in ("--set", one)]
    assert main(["run", "--recipe", "tiny", "--corpus", str(tmp_path / "a.txt"), "--runs", str(tmp_path), *words]) == 0
    said = capsys.readouterr().out
    assert said.index("nor another tool will load this model: kv_heads must be 2") < said.index("\ntraining ")
