"""The console command: text to stdout, figures to stderr, and one clear sentence for every mistake."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm_generate import CategoricalSampler, SamplingSettings, __version__, generate
from llm_generate.commands.main import main
from llm_generate.interface import GenerateError
from llm_generate.loading import load
from llm_layers import save_gguf
from llm_tokenizer import save_tokenizer, train_bpe
from llm_tokenizer.files.gguf_writing import GgufVocabulary

TIMEOUT = 60
Capture = pytest.CaptureFixture[str]


def run(arguments: list[str], capsys: Capture) -> tuple[int, str, str]:
    try:
        status = main(arguments)
    except SystemExit as end:  # argparse
        status = int(str(end.code))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def text(folder: Path, *more: str) -> list[str]:
    return ["text", "--model", str(folder), "--prompt", "Hello", "--max-tokens", "12", *more]


def process(arguments: list[str], **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "llm_generate", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_text_goes_to_stdout_and_one_line_of_figures_to_stderr(model_folder: Path, capsys: Capture) -> None:
    status, out, err = run(text(model_folder, "--seed", "5"), capsys)
    assert status == 0
    assert out
    assert err.startswith("llm-generate: 12 tokens in ")
    assert f"tokens/s, model {model_folder}, seed 5, finished: length (--max-tokens reached)" in err
    assert err.count("\n") == 1
    assert run(text(model_folder, "--seed", "5"), capsys)[1] == out
    assert run(text(model_folder, "--seed", "6"), capsys)[1] != out
    assert run(text(model_folder, "--seed", "5", "--echo"), capsys)[1] == "Hello" + out


def test_text_and_report_in_one_pipe_are_two_lines(model_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "llm_generate", *text(model_folder, "--seed", "5")]
    apart = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT)
    assert not apart.stdout.endswith(b"\n"), "the text alone, not a byte more"
    assert apart.stderr.startswith(b"llm-generate: ")
    joined = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=TIMEOUT)
    assert joined.stdout.startswith(apart.stdout + b"\nllm-generate: 12 tokens in ")
    assert joined.stdout.count(b"\n") == apart.stdout.count(b"\n") + 2


def test_the_seed_in_the_figures_brings_the_text_back(model_folder: Path, capsys: Capture) -> None:
    _, out, err = run(text(model_folder), capsys)
    seed = err.split("seed ")[1].split(",")[0]
    assert run(text(model_folder, "--seed", seed), capsys)[1] == out


def test_greedy_text_is_the_loops_own(model_folder: Path, capsys: Capture) -> None:
    loaded = load(model_folder)
    greedy = CategoricalSampler(SamplingSettings(temperature=0))
    ids = list(generate(loaded.model, loaded.tokenizer.encode("Hello"), sampler=greedy, max_tokens=12))
    status, out, err = run(text(model_folder, "--temperature", "0"), capsys)
    assert (status, out) == (0, loaded.tokenizer.decode(ids))
    assert ", greedy, " in err


def test_the_context_ends_the_text_with_its_reason(model_folder: Path, capsys: Capture) -> None:
    status, _, err = run(text(model_folder, "--max-tokens", "500", "--temperature", "0"), capsys)
    assert status == 0
    assert "43 tokens" in err
    assert "finished: context (the model's context is full)" in err


def test_a_stop_string_may_hold_a_line_break(model_folder: Path, capsys: Capture) -> None:
    _, whole, _ = run(text(model_folder, "--seed", "5"), capsys)
    stop = whole[4:6]
    status, out, err = run(text(model_folder, "--seed", "5", "--stop", stop, "--stop", r"never\n"), capsys)
    assert (status, out) == (0, whole[: whole.index(stop)])
    assert "finished: stop" in err


def test_the_prompt_may_come_from_stdin(model_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    direct = run(["text", "--model", str(model_folder), "--prompt", "Größe\n", "--seed", "1"], capsys)[1]
    for content, status in (("Größe\n".encode(), 0), ("Größe\n".encode("latin-1"), 2)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        found, out, err = run(["text", "--model", str(model_folder), "--prompt", "-", "--seed", "1"], capsys)
        assert found == status
        assert out == (direct if status == 0 else "")
    assert "standard input: must be UTF-8, but byte 2 is 0xf6" in err


def test_a_prompt_can_be_a_file(model_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "[bold] :heart:.txt").write_bytes("Größe\r\n".encode())
    given = ["text", "--model", str(model_folder), "--seed", "1", "--echo"]
    status, out, _ = run([*given, "--file", str(tmp_path / "[bold] :heart:.txt")], capsys)
    assert (status, out.startswith("Größe\r\n")) == (0, True)
    assert run([*given, "--prompt", "Größe\r\n"], capsys)[1] == out
    status, _, err = run([*given, "--file", str(tmp_path / "none.txt")], capsys)
    assert (status, err.count("\n")) == (2, 1)
    assert "none.txt: cannot be read" in err
    status, _, err = run([*given, "--file", str(tmp_path)], capsys)
    assert "is a folder" in err


def test_an_empty_prompt_begins_as_a_new_text_does(model_folder: Path, capsys: Capture) -> None:
    status, out, _ = run(["text", "--model", str(model_folder), "--prompt", "", "--max-tokens", "5"], capsys)
    assert status == 0
    assert out
    assert load(model_folder).start_ids == load(model_folder).stop_ids == (256,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--temperature", "-1"], "temperature must be 0 or more, was -1.0"),
        (["--temperature", "nan"], "temperature must be 0 or more, was nan"),
        (["--temperature", "warm"], "invalid float value: 'warm'"),
        (["--top-p", "0"], "top_p must be above 0 and at most 1, was 0.0"),
        (["--top-p", "1.5"], "top_p must be above 0 and at most 1, was 1.5"),
        (["--top-k", "0"], "top_k must be a whole number of at least 1, was 0"),
        (["--seed", "-3"], "seed must be a whole number"),
        (["--max-tokens", "0"], "max_tokens must be a whole number of at least 1, was 0"),
        (["--stop", ""], "stop must not contain the empty string"),
        (["--prompt", "x" * 60], "the prompt is 60 tokens long, and must be shorter than the model's context of 48"),
        (["--prompt", "\udcff"], "the prompt: must be UTF-8, but byte 0 is 0xff"),
        (["--stop", "a\udcff"], "--stop: must be UTF-8, but byte 1 is 0xff"),
        (["--runs", "nowhere"], "--runs has no effect with --model: leave one of them out"),
        (["--run", "tale"], "not allowed with argument --model"),
        (["--file", "tale"], "not allowed with argument --prompt"),
        (["--temprature", "1"], "there is no option '--temprature' (did you mean --temperature?)"),
    ],
)
def test_a_bad_value_is_one_clear_sentence(
    model_folder: Path, capsys: Capture, options: list[str], message: str
) -> None:
    status, out, err = run(text(model_folder, *options), capsys)
    assert (status, out) == (2, "")
    assert message in err
    assert "error: " in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-tokens", "0"], "max_tokens must be a whole number of at least 1"),
        (["--stop", ""], "stop must not contain the empty string"),
        (["--run", "tale"], "there is no run 'tale'"),
        (["--top-k", "0"], "top_k must be a whole number of at least 1"),
    ],
)
def test_a_mistake_in_the_call_is_found_before_torch_is_imported(tmp_path: Path, options: list[str], message: str):
    code = (
        "import sys; from llm_generate.commands.main import main\n"
        "try: status = main(sys.argv[1:])\n"
        "except SystemExit as end: status = end.code\n"
        "print(status, 'torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, "text", "--prompt", "a", "--model", "nowhere", *options]
    if "--run" in options:
        command.remove("--model"), command.remove("nowhere")
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=TIMEOUT)
    assert (found.stdout, found.returncode) == ("2 False\n", 0)
    assert message in found.stderr


def damaged(folder: Path, target: Path, file: str, content: bytes | None) -> Path:
    shutil.copytree(folder, target)
    if content is None:
        (target / file).unlink()
    else:
        (target / file).write_bytes(content)
    return target


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.safetensors", None, "model.safetensors"),
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0garbage!", "model.safetensors"),
        ("model.safetensors", b"", "model.safetensors"),
        ("config.json", None, "config.json"),
        ("config.json", b"{", "config.json"),
        ("tokenizer.json", None, "tokenizer.json"),
        ("tokenizer.json", b"\xff\xfe", "tokenizer.json"),
        ("generation_config.json", b"[]", "generation_config.json' must hold a JSON object, but holds list"),
        ("generation_config.json", b"}", "generation_config.json' must be JSON, but is not"),
        ("generation_config.json", b'{"eos_token_id": 9999}', "eos_token_id in .* must be an id from 0 to 256"),
    ],
)
def test_a_damaged_model_folder_is_one_clear_sentence(
    model_folder: Path, tmp_path: Path, capsys: Capture, file: str, content: bytes, message: str
) -> None:
    import re

    folder = damaged(model_folder, tmp_path / "model", file, content)
    status, out, err = run(text(folder), capsys)
    assert (status, out) == (2, "")
    assert re.search(message, err)
    with pytest.raises(GenerateError, match=message):
        load(folder)
    assert err.startswith("llm-generate: error: ")
    assert err.count("\n") == 1


def test_missing_folders_and_runs_say_what_to_do(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run(["text", "--prompt", "a"], capsys)
    assert status == 2
    assert "there is no trained model under 'runs': make one with `llm-train run`" in err
    status, _, err = run(["text", "--prompt", "a", "--run", "tale"], capsys)
    assert status == 2
    assert "there is no run 'tale' under 'runs'" in err
    status, _, err = run(text(tmp_path / "nowhere"), capsys)
    assert status == 2
    assert "there is no '" in err
    (tmp_path / "runs" / "verse").mkdir(parents=True)
    status, _, err = run(text(tmp_path / "runs"), capsys)
    assert (status, f"'{tmp_path / 'runs'}' has no config.json: get the folder again" in err) == (2, True)
    (tmp_path / "runs" / "verse" / "recipe.toml").touch()
    (tmp_path / "runs" / "verse" / "model").mkdir()
    (tmp_path / "runs" / "verse" / "model" / "config.json").touch()
    assert f"did you mean '{tmp_path / 'runs' / 'verse'}'?" in run(text(tmp_path / "runs"), capsys)[2]
    assert "under 'runs'; there are: verse\n" in run(["text", "--prompt", "a", "--run", "tale"], capsys)[2]


def test_a_run_in_progress_writes_with_its_newest_checkpoint(
    model_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    run_folder = tmp_path / "runs" / "verse"
    for step in (9, 10):
        shutil.copytree(model_folder, run_folder / "checkpoints" / f"step-{step:08d}")
    (run_folder / "checkpoints" / "step-00000009" / "config.json").write_text("{}")  # it is not looked at
    (run_folder / "recipe.toml").touch()
    direct = run(text(model_folder, "--seed", "5"), capsys)[1]
    for named in ([], ["--run", "verse"], ["--model", str(run_folder)]):
        runs = ["--runs", str(tmp_path / "runs")] if "--model" not in named else []
        status, out, _ = run(["text", *text(run_folder, "--seed", "5")[3:], *runs, *named], capsys)
        assert (status, out) == (0, direct)


def test_a_run_without_a_checkpoint_says_so(tmp_path: Path, capsys: Capture) -> None:
    run_folder = tmp_path / "runs" / "verse"
    run_folder.mkdir(parents=True)
    (run_folder / "recipe.toml").touch()
    by_name = ["--runs", str(tmp_path / "runs"), "--run", "verse"]
    for named in (by_name, ["--run", str(run_folder)], ["--model", str(run_folder)]):
        status, _, err = run(["text", "--prompt", "a", *named], capsys)
        assert (status, err.count("\n")) == (2, 1)
        assert f"{run_folder} has no checkpoint yet: the command that started it resumes it" in err


def test_the_newest_run_is_taken(model_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    for age, name in enumerate(["new", "old"]):
        shutil.copytree(model_folder, tmp_path / name / "model")
        (tmp_path / name / "recipe.toml").write_text("")
        moment = time.time() - 100 * age
        os.utime(tmp_path / name / "model" / "config.json", (moment, moment))
    # The older run is one that has no end of text: an empty prompt tells the two apart.
    for file in ("config.json", "generation_config.json"):
        settings = json.loads((tmp_path / "old" / "model" / file).read_text())
        moment = (tmp_path / "old" / "model" / file).stat().st_mtime
        (tmp_path / "old" / "model" / file).write_text(json.dumps(settings | {"eos_token_id": None}))
        os.utime(tmp_path / "old" / "model" / file, (moment, moment))
    common = ["text", "--runs", str(tmp_path), "--prompt", "", "--max-tokens", "3"]
    status, _, err = run(common, capsys)
    assert (status, f", model {tmp_path / 'new'}, " in err) == (0, True), "the report names the run"
    assert run([*common, "--run", "new"], capsys)[0] == 0
    status, _, err = run([*common, "--run", "old"], capsys)
    assert status == 2
    assert "the prompt is empty and this model has no token that begins a text" in err


def test_help_and_version_come_without_torch() -> None:
    code = (
        "import sys; from llm_generate.commands.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    for arguments, expected in (
        (["--help"], "examples:"),
        (["text", "--help"], "--top-p P"),
        (["--version"], f"llm-generate {__version__}"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=TIMEOUT
        )
        assert expected in done.stdout


def test_a_broken_pipe_is_silent(model_folder: Path) -> None:
    started = process(text(model_folder, "--max-tokens", "40"))
    assert started.stdout is not None
    started.stdout.close()  # the reader has gone before the first character
    _, err = started.communicate(timeout=TIMEOUT)
    assert (started.returncode, err) == (141, b"")


def test_a_full_output_is_told_in_a_sentence(model_folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "llm_generate", *text(model_folder)], stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"llm-generate: error: the output cannot be written")
    assert done.stderr.count(b"\n") == 1


def test_a_model_may_be_a_runs_folder(model_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "run").mkdir()
    shutil.copytree(model_folder, tmp_path / "run" / "model")
    expected = run(text(model_folder, "--seed", "5"), capsys)[1]
    assert run(text(tmp_path / "run", "--seed", "5"), capsys)[1] == expected


def test_a_model_may_be_a_gguf_file(model_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    loaded = load(model_folder)
    tokenizer = train_bpe(["no merges"], vocab_size=257, special_tokens=["<|endoftext|>"])
    save_gguf(loaded.model, tmp_path / "tale.gguf", tokenizer=tokenizer, dtype="F32")
    found = load(tmp_path / "tale.gguf")
    assert found.stop_ids == loaded.stop_ids == (256,)
    expected = run(text(model_folder, "--seed", "5"), capsys)[1]
    assert run(text(tmp_path / "tale.gguf", "--seed", "5"), capsys)[1] == expected
    (tmp_path / "tale.gguf").write_bytes(b"GGUF")
    status, _, err = run(text(tmp_path / "tale.gguf"), capsys)
    assert (status, err.count("\n")) == (2, 1)


def test_every_id_in_a_gguf_file_at_which_a_text_ends_stops_it(model_folder: Path, tmp_path: Path) -> None:
    tokenizer, words = train_bpe(["no merges"], vocab_size=257), GgufVocabulary(eos_token_id=[256, 5, 7])
    save_gguf(load(model_folder).model, tmp_path / "tale.gguf", tokenizer=tokenizer, vocabulary=words)
    assert load(tmp_path / "tale.gguf").stop_ids == (256, 5, 7)


def test_a_begin_token_in_the_files_is_fed_to_the_model(model_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    save_tokenizer(train_bpe(["no merges"], vocab_size=257, special_tokens=["<s>"]), folder)
    plain = run(text(folder, "--temperature", "0"), capsys)[1]
    content = json.loads((folder / "tokenizer.json").read_text())
    begin, whole = {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [begin, whole],
        "pair": [begin, whole, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(content))
    loaded = load(folder)
    greedy = CategoricalSampler(SamplingSettings(temperature=0))
    expected = list(generate(loaded.model, [256, *loaded.tokenizer.encode("Hello")], sampler=greedy, max_tokens=12))
    assert run(text(folder, "--temperature", "0"), capsys)[1] == loaded.tokenizer.decode(expected) != plain


def test_ctrl_c_ends_the_stream_cleanly(model_folder: Path, tmp_path: Path, default_interrupt: None) -> None:
    endless = tmp_path / "model"
    shutil.copytree(model_folder, endless)
    for file in ("config.json", "generation_config.json"):
        settings = json.loads((endless / file).read_text())
        if file == "config.json":
            settings["max_position_embeddings"] = 1_000_000
        settings["eos_token_id"] = None
        (endless / file).write_text(json.dumps(settings))
    started = process(text(endless, "--max-tokens", "900000"))
    assert started.stdout is not None
    assert started.stdout.read(1), "the stream has begun"
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=TIMEOUT)
    assert started.returncode == 130
    assert b"finished: stopped (stopped by you)" in err
    assert b"Traceback" not in err


def test_text_that_the_terminal_cannot_show_does_not_end_the_stream(model_folder: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    started = process(text(model_folder, "--echo", "--prompt", "日本"), env=environment)
    out, err = started.communicate(timeout=TIMEOUT)
    assert started.returncode == 0, err
    assert out.startswith(rb"\u65e5\u672c")
