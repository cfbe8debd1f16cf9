"""The command line, from outside."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_tokenizer import load_tokenizer, save_tokenizer
from llm_tokenizer.commands.main import main
from llm_tokenizer.commands.progress import Progress

TEXT = "The cat sat on the mat.\r\nThe cat's mat!\n猫 <|end|>\n" * 4


def run(*arguments, stdin=b"", cwd=None):
    command = [sys.executable, "-m", "llm_tokenizer", *map(os.fsdecode, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, timeout=60, check=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "text.txt").write_bytes(TEXT.encode())
    arguments = ["train", "text.txt", "-o", "model", "--vocab-size", "270", "--special-token", "<|end|>"]
    result = run(*arguments, cwd=folder)
    assert result.returncode == 0 and result.stderr == b"" and b"270 tokens in model" in result.stdout
    return folder


def test_train_saves_a_tokenizer(trained):
    tokenizer = load_tokenizer(trained / "model")
    assert tokenizer.vocab_size == 270 and tokenizer.special_tokens["<|end|>"] == 269


def test_encode_and_decode_are_exact_through_pipes(trained):
    encoded = run("encode", trained / "model", stdin=TEXT.encode())
    assert encoded.returncode == 0
    assert list(map(int, encoded.stdout.split())) == load_tokenizer(trained / "model").encode(TEXT)
    decoded = run("decode", trained / "model", stdin=encoded.stdout)
    assert decoded.stdout == TEXT.encode()


def test_encode_a_file_with_special_tokens(trained):
    ids = run("encode", trained / "model", trained / "text.txt", "--allow-special", "<|end|>").stdout.split()
    assert ids.count(b"269") == 4
    count = run("encode", trained / "model", trained / "text.txt", "--allow-special", "<|end|>", "--count").stdout
    assert int(count) == len(ids)


def test_show(trained):
    shown = run("show", trained / "model", "--text", "The cat\n")
    assert shown.returncode == 0 and "The│ cat│↵│" in shown.stdout.decode() and b"tokens" in shown.stdout
    result = run("show", trained / "model", trained / "text.txt", "--html", trained / "page.html")
    assert result.returncode == 0 and "⟨e7" in (trained / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", [["show", "model"], ["stats", "model"], ["compare", "model", "--file"]])
def test_bytes_that_are_not_utf8_are_replaced_or_dropped_where_that_is_chosen(trained, verb):
    (trained / "broken.txt").write_bytes(b"cat\xff")
    refused, replaced, dropped = (
        run(*verb, "broken.txt", "--errors", errors, cwd=trained) for errors in ("strict", "replace", "ignore")
    )
    assert refused.returncode == 2 and b"byte 3 is 0xff" in refused.stderr
    clean = [run(*verb[:2], "--text", text, cwd=trained).stdout for text in ("cat\ufffd", "cat")]
    assert [replaced.stdout, dropped.stdout] == clean


def test_train_on_characters(trained):
    result = run("train", "text.txt", "-o", "characters", "--characters", cwd=trained)
    assert result.returncode == 0 and load_tokenizer(trained / "characters").encode("cat")


@pytest.mark.parametrize(
    "option",
    ["--pattern llama3", "--min-frequency 2", "--processes 2", "--max-unique-pre-tokens 9", "--allow-smaller",
     "--vocab-size 300", "--fast"],
)  # fmt: skip
def test_what_only_merging_has_is_refused_with_characters(trained, option, capsys, monkeypatch):
    monkeypatch.chdir(trained)
    assert main(["train", "text.txt", "-o", "refused", "--characters", *option.split()]) == 2
    assert f"--characters: cannot be combined with {option.split()[0]}; leave" in capsys.readouterr().err
    assert not Path("refused").exists()


def test_the_value_of_an_option_is_not_a_verb(trained, monkeypatch):
    monkeypatch.chdir(trained)
    assert main(["--output", "corpus", "train", "text.txt", "--vocab-size", "260"]) == 0
    assert load_tokenizer("corpus").vocab_size == 260
    assert main(["--replace", "train", "--output", "train", "text.txt", "--vocab-size", "261"]) == 0
    assert load_tokenizer("train").vocab_size == 261


@pytest.mark.parametrize("verb", ["", "train", "encode", "decode", "show", "compare", "stats", "corpus", "spec"])
def test_help_has_examples(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*verb.split(), "--help"])
    assert stopped.value.code == 0
    command = "python -m llm_tokenizer.spec" if verb == "spec" else f"llm-tokenizer {verb or 'train'}"
    assert command in capsys.readouterr().out.split("examples:")[1]


def test_version():
    from importlib.metadata import version

    assert run("--version").stdout.decode() == f"llm-tokenizer {version('llm-tokenizer')}\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["train", "missing", "-o", "x"], b"", "missing: there is no such file or folder"),
        (["train", "text.txt", "-o", "x", "--vocab-size", "9000"], b"", "vocab_size: these texts allow at most"),
        (["train", "text.txt", "-o", "x", "--pattern", "gpt3"], b"", "did you mean 'gpt2'"),
        (["train", "text.txt", "-o", "text.txt/x", "--vocab-size", "257"], b"", "cannot be written"),
        (["encode", "missing"], b"a", "missing: there is no such file; check the path (the tokenizer comes first"),
        (["show", "text.txt", "model"], b"", "a vocabulary file in a known format"),
        (["encode", "model", "missing.txt"], b"", "missing.txt: cannot be read: No such file"),
        (["encode", "model"], b"ab\xff", "standard input: must be UTF-8, but byte 2 is 0xff"),
        (["show", "model"], b"ab\xff", "convert it to UTF-8, or use --errors replace"),
        (["encode", "model", "text.txt", "--count", "-o", "ids.txt"], b"", "--count: prints the number of ids"),
        (["encode", "model", "--allow-special", "<|x|>"], b"a", "'<|x|>' is not a special token here"),
        (["decode", "model"], b"1 2 x", "ids[2]: must be a whole number from 0 to 269, was 'x'"),
        (["decode", "model"], b"1 -2", "ids[1]: must be a whole number from 0 to 269, was '-2'"),
        (
            ["decode", "model"],
            b"1 2 " + b"9" * 5000,
            f"ids[2]: must be a whole number from 0 to 269, was '{'9' * 40}…'",
        ),
        (
            ["decode", "model", "-1"],
            b"",
            "-1: there is no such file; ids themselves, whole numbers from 0 to 269, come",
        ),
        (
            ["train", "text.txt", "-o", "x", "--special-token", b"bad\xff"],
            b"",
            "--special-token: must be UTF-8, but byte 3 is 0xff",
        ),
        (["decode", "model"], b"270", "ids[0]: must be a whole number from 0 to 269, was 270"),
        (["show", "model", "--text", "a", "--html", "missing/a.html"], b"", "missing/a.html: cannot be written"),
    ],
)
def test_mistakes_are_one_line_and_no_traceback(trained, arguments, stdin, message):
    result = run(*arguments, stdin=stdin, cwd=trained)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 2 and len(lines) == 1
    assert lines[0].startswith("llm-tokenizer: error: ") and message in lines[0]


def test_a_command_that_is_proposed_can_be_pasted(trained, tmp_path):
    save_tokenizer(load_tokenizer(trained / "model"), tmp_path / "c two")
    assert run("decode", "c two", "5", cwd=tmp_path).stderr.endswith(b"echo 269 | llm-tokenizer decode 'c two'\n")


def test_no_verb_is_a_mistake():
    result = run()
    assert result.returncode == 2 and b"there must be a verb" in result.stderr and b"Traceback" not in result.stderr


def test_a_reader_that_stops_brings_no_traceback(trained):
    command = [sys.executable, "-m", "llm_tokenizer", "encode", str(trained / "model")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.write(b"word " * 100_000)
        process.stdin.close()
        complaint = process.stderr.read().decode()
        assert process.wait() == 141
    assert complaint == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "model", "--count", "text.txt"],
        ["encode", "--count", "model", "text.txt"],
        ["decode", "model", "--format", "uint16", "ids.bin"],
        ["stats", "model", "--json", "text.txt"],
        ["show", "model", "--html", "mixed.html", "text.txt"],
        ["compare", "model", "--text", "the cat", "model"],
        ["train", "--vocab-size", "260", "text.txt", "-o", "mixed", "--replace", "text.txt"],
    ],
)
def test_options_may_stand_between_the_names(trained, arguments, capsys, monkeypatch):
    monkeypatch.chdir(trained)
    Path("ids.bin").write_bytes(b"a\0b\0")
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert shown.out and not shown.err
    if arguments[0] == "compare":
        assert shown.out.splitlines()[1] == shown.out.splitlines()[2]


@pytest.mark.parametrize("verb", ["encode", "show", "stats", "compare"])
def test_text_and_file_mean_the_same_everywhere(trained, verb, capsys, monkeypatch):
    monkeypatch.chdir(trained)
    Path("same.txt").write_text("the cat")
    assert main([verb, "model", "--text", "the cat"]) == 0
    expected = capsys.readouterr().out
    ways = [["--file", "same.txt"], *([["same.txt"]] if verb != "compare" else [])]
    for words in ways:
        assert main([verb, "model", *words]) == 0
        assert capsys.readouterr().out == expected
    if verb != "compare":
        assert main([verb, "model", "same.txt", "--file", "same.txt"]) == 2
        assert "--file: names the same as 'same.txt'; leave one of them out" in capsys.readouterr().err


def test_ids_come_from_a_file_too(trained, capsysbinary, monkeypatch):
    monkeypatch.chdir(trained)
    Path("ids.txt").write_text("97 98")
    assert main(["decode", "model", "--file", "ids.txt", "--format", "TEXT"]) == 0
    assert capsysbinary.readouterr().out == b"ab"


@pytest.mark.parametrize("name", [b"bad\xff.txt", b":heart:[bold].txt"])
def test_names_of_files_come_out_as_they_are(trained, name):
    (trained / os.fsdecode(name)).write_text("the cat")
    done = run("corpus", name, name, "--duplicates", cwd=trained)
    assert done.returncode == 0 and name in done.stdout
    missing = run("encode", "model", b"no" + name, cwd=trained)
    assert missing.returncode == 2 and b"no" + name in missing.stderr
    (trained / os.fsdecode(name)).unlink()


def test_a_text_in_the_command_must_be_utf_8_too(trained):
    done = run("encode", "model", "--text", b"ab\xff", cwd=trained)
    assert done.returncode == 2 and b"--text: must be UTF-8, but byte 2 is 0xff" in done.stderr
    done = run("show", "model", "--errors", "replace", "--text", b"[bold]:heart:\xff", cwd=trained)
    assert done.returncode == 0
    assert done.stdout.decode().replace("│", "").startswith("[bold]:heart:⟨ef⟩⟨bf⟩⟨bd⟩")


@pytest.mark.parametrize("verb", ["", "train", "encode", "decode", "show", "compare", "stats", "corpus"])
def test_help_needs_nothing_heavy(verb):
    code = (
        "import sys\nfrom llm_tokenizer.commands.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('rich', 'numpy', 'torch') if name in sys.modules], file=sys.stderr)"
    )
    words = [verb, "--help"] if verb else ["--help"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n" and "usage:" in done.stdout


def test_the_name_of_a_file_may_look_like_an_option(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained)
    Path("--count").write_text("cat")
    assert main(["encode", "model", "--", "--count"]) == 0
    assert list(map(int, capsys.readouterr().out.split())) == load_tokenizer("model").encode("cat")


def test_progress_is_shown_only_after_two_seconds_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    now = [0.0]
    monkeypatch.setattr("llm_tokenizer.commands.progress.time.monotonic", lambda: now[0])
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        now[0] = 0.0
        with Progress(stream=stream) as progress:
            now[0] = 1.9
            progress("learning", 1, 10)
            assert stream.getvalue() == ""
            now[0] = 2.5
            progress("learning", 5, 10)
            progress("learning", 6, 10)
    assert pipe.getvalue() == ""
    assert terminal.getvalue() == "\r\x1b[Klearning: 5 of 10, about 2 s left\r\x1b[K"


def test_importing_brings_nothing_heavy():
    heavy = ["rich", "numpy", "torch", "numba", "unittest"]
    code = f"import sys, llm_tokenizer; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
