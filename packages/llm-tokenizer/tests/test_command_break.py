"""What goes wrong on a command line: full disks, two runs at once, interrupts, terminals that cannot show it."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llm_tokenizer import ByteTokenizer, load_tokenizer, save_tokenizer
from llm_tokenizer.commands.main import main

linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


SPEC = "python -m llm_tokenizer.spec"


def listen():
    """Let Ctrl-C end the child also where whoever started these tests ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments, **settings):
    command = [sys.executable, "-m", "llm_tokenizer", *map(str, arguments)]
    settings = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings
    return subprocess.Popen(command, preexec_fn=listen, **settings)


def run(*arguments, stdin=b"", **settings):
    with start(*arguments, **settings) as process:
        out, complaint = process.communicate(stdin, timeout=60)
    return process.returncode, out, complaint.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "text.txt").write_bytes("The cat sat on the mat.\nThe cat's mat! 猫\n".encode() * 4)
    assert main(["train", str(folder / "text.txt"), "-o", str(folder / "model"), "--vocab-size", "265"]) == 0
    return folder


def one_line(result, message):
    status, _, complaint = result
    lines = complaint.splitlines()
    assert status == 2 and len(lines) == 1 and lines[0].startswith("llm-tokenizer: error: "), complaint
    assert message in lines[0]


def test_a_tokenizer_is_not_replaced_without_a_word(folder, tmp_path):
    arguments = ["train", folder / "text.txt", "-o", tmp_path / "model", "--vocab-size"]
    assert run(*arguments, "260")[0] == 0
    one_line(run(*arguments, "262"), "holds a tokenizer already; choose another folder for --output, or use --replace")
    assert load_tokenizer(tmp_path / "model").vocab_size == 260
    assert run(*arguments, "262", "--replace")[0] == 0
    assert load_tokenizer(tmp_path / "model").vocab_size == 262
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["tokenizer.json", "tokenizer_config.json"]


def test_of_two_runs_into_one_folder_the_second_is_refused(folder, tmp_path):
    arguments = ["train", "-", "-o", tmp_path / "model", "--vocab-size", "260"]
    with start(*arguments) as first:
        mark = tmp_path / "model" / "tokenizer.json.unfinished"
        while not mark.exists():
            assert first.poll() is None
            time.sleep(0.01)
        one_line(run(*arguments, stdin=b"another"), "another training is about to write here, or was interrupted")
        first.communicate((folder / "text.txt").read_bytes())
    assert first.returncode == 0 and not mark.exists()
    assert load_tokenizer(tmp_path / "model").vocab_size == 260


def test_a_tokenizer_that_another_run_saved_a_moment_ago_is_kept(folder, tmp_path, monkeypatch):
    other = save_tokenizer(ByteTokenizer(), tmp_path / "other")
    saved = tmp_path / "model"
    opened = Path.open

    def finish_first(path, *arguments, **settings):  # the other run ends just before this one reserves the folder
        if path.name.endswith(".unfinished") and not (saved / other.name).exists():
            saved.mkdir(exist_ok=True)
            other.rename(saved / other.name)
        return opened(path, *arguments, **settings)

    monkeypatch.setattr(Path, "open", finish_first)
    assert main(["train", str(folder / "text.txt"), "-o", str(saved), "--vocab-size", "260"]) == 2
    assert load_tokenizer(saved).vocab_size == 256
    assert [file.name for file in saved.iterdir()] == [other.name]


def test_a_sentencepiece_model_is_not_replaced_either(folder, tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(b"precious")
    one_line(run("train", folder / "text.txt", "-o", tmp_path, "--vocab-size", "260"), "holds a tokenizer already")
    assert (tmp_path / "tokenizer.model").read_bytes() == b"precious"


def test_an_interrupt_leaves_nothing_behind(tmp_path):
    with start("train", "-", "-o", tmp_path / "new" / "model") as process:
        while not (tmp_path / "new" / "model" / "tokenizer.json.unfinished").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 130 and complaint == b"llm-tokenizer: stopped\n"
    assert not (tmp_path / "new" / "model").exists()


def test_an_error_in_training_leaves_no_folder(folder, tmp_path):
    one_line(run("train", folder / "text.txt", "-o", tmp_path / "model", "--vocab-size", "9999"), "at most")
    assert not (tmp_path / "model").exists()
    (tmp_path / "file").write_text("")
    one_line(run("train", folder / "text.txt", "-o", tmp_path / "file"), "file")


@linux
@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "model", "text.txt"],
        ["encode", "model", "text.txt", "--format", "npy"],
        ["encode", "model", "text.txt", "--count"],
        ["show", "model", "text.txt"],
        ["show", "model", "text.txt", "--ids"],
        ["compare", "model", "--file", "text.txt"],
        ["stats", "model", "text.txt"],
        ["stats", "model", "text.txt", "--json"],
        ["corpus", "text.txt"],
        ["train", "text.txt", "-o", "fresh", "--vocab-size", "257"],
        ["--version"],
    ],
)
def test_a_full_disk_behind_the_output(folder, arguments):
    if arguments[0] == "train":
        arguments = [*arguments, "--replace"]
    with Path("/dev/full").open("wb") as full:
        result = run(*arguments, cwd=folder, stdout=full)
    one_line(result, "the output cannot be written: No space left on device")


@linux
@pytest.mark.parametrize("module", [["llm_tokenizer", "spec"], ["llm_tokenizer.spec"]])
@pytest.mark.parametrize("arguments", [["-k", "decode"], ["--list"]])
def test_a_full_disk_behind_the_specification(module, arguments):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", *module, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode == 2
    assert done.stderr.decode() == f"{SPEC}: error: the output cannot be written: No space left on device\n"


def test_a_reader_of_the_specification_that_stops(folder):
    command = [sys.executable, "-m", "llm_tokenizer.spec", "--list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_interrupt_of_the_specification(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n\ndef byte_to_unicode():\n    pathlib.Path('begun').touch()\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "llm_tokenizer.spec", "slow"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=listen
    ) as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130 and complaint.decode() == f"{SPEC}: stopped\n"


@linux
@pytest.mark.parametrize("verb", [["encode", "model", "text.txt"], ["show", "model", "text.txt", "--html"]])
def test_a_full_disk_behind_a_file(folder, verb):
    output = ["/dev/full"] if "--html" in verb else ["--output", "/dev/full"]
    one_line(run(*verb, *output, cwd=folder), "/dev/full: cannot be written: No space left on device")
    assert Path("/dev/full").is_char_device()


def test_an_output_that_knows_few_characters(folder):
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    status, out, complaint = run("show", "model", "--text", "猫 é", cwd=folder, env=env)
    assert status == 0 and not complaint and b"\\u2502" in out
    assert run("show", "model", "--text", "猫 é", "--ids", cwd=folder, env=env)[0] == 0
    status, out, _ = run("decode", "model", stdin=b"195 169", cwd=folder, env=env)
    assert status == 0 and out == "é".encode()


@pytest.mark.parametrize(("terminal", "marks"), [("linux", True), ("xterm-256color", False), ("dumb", True)])
def test_tokens_are_apart_on_every_terminal(folder, terminal, marks):
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM", "FORCE_COLOR")}
    shown = in_a_terminal(["show", "model", "--text", "The cat"], cwd=folder, env=env | {"TERM": terminal})
    assert ("The│ cat│" in shown) == marks and ("\x1b[" in shown) != marks
    env |= {"TERM": "xterm-256color", "NO_COLOR": "1"}
    assert "The│ cat│" in in_a_terminal(["show", "model", "--text", "The cat"], cwd=folder, env=env)


def in_a_terminal(arguments, **settings):
    ours, theirs = pty.openpty()
    shown = []

    def read():
        try:
            while block := os.read(ours, 4096):
                shown.append(block)
        except OSError:  # how Linux says that the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with start(*arguments, stdout=theirs, **settings) as process:
        process.wait(60)
    os.close(theirs)
    reader.join(10)
    os.close(ours)
    return b"".join(shown).decode()


@pytest.mark.parametrize("verb", ["encode", "show", "stats", "compare", "train", "corpus", "decode"])
def test_empty_input(folder, tmp_path, verb):
    arguments = {"train": ["-", "-o", tmp_path / "x"], "corpus": ["-"], "compare": [folder / "model"]}.get(
        verb, [folder / "model"]
    )
    status, _, complaint = run(verb, *arguments)
    assert status == (2 if verb == "train" else 0) and "Traceback" not in complaint


@pytest.mark.parametrize("verb", ["encode", "show", "stats", "compare"])
def test_an_empty_text_is_noted(folder, tmp_path, verb):
    (tmp_path / "none.txt").touch()
    sources = {"--text": ["--text", ""], "standard input": [], "none.txt": ["--file", "none.txt"]}
    for name, source in sources.items():
        status, out, complaint = run(verb, folder / "model", *source, cwd=tmp_path)
        assert (status, complaint) == (0, f"llm-tokenizer: note: {name} is empty\n")
    if verb == "stats":
        assert out.decode() == "text         0 bytes, 0 characters, 0 words\ntokens       0\n"
    assert run(verb, folder / "model", "--text", " ")[2] == ""


def test_stats_of_a_stream_are_those_of_the_whole(folder, monkeypatch, capsys):
    text = (folder / "text.txt").read_text(encoding="utf-8") * 50
    (folder / "long.txt").write_text(text, encoding="utf-8")
    main(["stats", str(folder / "model"), str(folder / "long.txt"), "--json"])
    whole = json.loads(capsys.readouterr().out)
    monkeypatch.setattr("llm_tokenizer.corpus.unicode_decoding.BLOCK", 5)
    main(["stats", str(folder / "model"), str(folder / "long.txt"), "--json"])
    assert json.loads(capsys.readouterr().out) == whole
    assert whole["words"] == len(text.split()) and whole["text_bytes"] == len(text.encode())
    assert whole["tokens"] == len(load_tokenizer(folder / "model").encode(text))


def test_what_is_shown_as_a_whole_is_bounded(folder, monkeypatch, capsys):
    monkeypatch.setattr("llm_tokenizer.commands.options.MOST_SHOWN", 100)
    text, page = str(folder / "text.txt"), str(folder / "page.html")
    assert main(["show", str(folder / "model"), text, "--html", page]) == 2
    assert main(["compare", str(folder / "model"), "--file", text]) == 2
    assert capsys.readouterr().err.count("must have at most 100 characters to be shown like this") == 2
    assert main(["show", str(folder / "model"), text]) == 0


def test_the_specification_is_a_verb(tmp_path):
    status, out, _ = run("spec", "-k", "decode")
    assert status == 0 and b"2 of 2" in out
    (tmp_path / "mine.py").write_text("def split_text(text, pattern):\n    return [text]\n")
    status, out, _ = run("spec", "mine", "-k", "split_text", cwd=tmp_path)
    assert status == 1 and b"0 of 1" in out
    assert run("spec", "nothing", cwd=tmp_path)[0] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"{", "JSON"),
        (b"[]", "a JSON object"),
        (b"\xff\xfe\x00", "first bytes"),
        (b"GGUF", "GGUF"),
        (b"{" * 200_000, "JSON"),
    ],
)
def test_bad_files(tmp_path, content, message):
    (tmp_path / "tokenizer.json").write_bytes(content)
    one_line(run("encode", tmp_path, stdin=b"a"), message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "text.txt", "-o", "x", "--vocab-size", "many"], "invalid int value"),
        (["train", "text.txt", "-o", "x", "--vocab-size", "-5"], "vocab_size: must be a whole number"),
        (["train", "text.txt", "-o", "x", "--processes", "0"], "processes: must be a whole number"),
        (["train", "text.txt", "-o", ""], "--output"),
        (["train", "text.txt", "-o", "x", "--special-token", ""], "special_tokens[0]"),
        (["train", "text.txt", "-o", "x", "--special-token", "a", "--special-token", "a"], "occurs twice"),
        (["encode", "model", "."], "is a folder"),
        (["encode", "text.txt", "text.txt"], "first bytes"),
        (["encode", "model", "text.txt", "-o", "."], "."),
        (["encode", "model", "text.txt", "-o", "missing/ids"], "missing/ids: cannot be written"),
        (["corpus", "text.txt", "--similarity", "7", "--duplicates"], "similarity"),
        (["decode", "model", "text.txt"], "ids[0]: must be a whole number from 0 to"),
        (["decode", "model", "text.txt", "--format", "npy"], ".npy"),
        (["show", "model", "nowhere", "--text", "a"], "'nowhere' was given too"),
        (["stats", "model", "text.txt", "--text", "a"], "'text.txt' was given too"),
        (["compare", "model", "--file", "text.txt", "--text", "a"], "'text.txt' was given too"),
        (["show", "model", "text.txt", "--ids", "--html", "page.html"], "not allowed with argument --ids"),
        (["compare", "model", "--text", "a", "--json", "--html", "page.html"], "not allowed with argument --json"),
        (["train", "text.txt", "-o", "x", "--vocab-size", "4000"], "ask for fewer, or use --vocab-size 2"),
    ],
)
def test_wrong_arguments(folder, arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    try:
        status = main(arguments)
    except SystemExit as stopped:
        status = stopped.code
    complaint = capsys.readouterr().err
    assert status == 2 and message in complaint and "Traceback" not in complaint
