"""What all commands of the project share: writing files, ending, parsing a command line, printing."""

import errno
import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from llm_tokenizer.commands.console import Console
from llm_tokenizer.commands.exit_status import run_to_the_end
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.commands.wording import duration, quantity
from llm_tokenizer.files.writing import (
    atomic_path,
    atomic_write,
    failed_write,
    remove_unfinished,
    write_errors_as,
    write_json,
    write_text,
)
from llm_tokenizer.interface import TokenizerError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path):
    file = tmp_path / "a"
    write_text(file, "old\r\n")
    file.chmod(0o640)
    with atomic_write(file) as stream:
        stream.write(b"new")
        assert file.read_bytes() == b"old\r\n"
    assert file.read_bytes() == b"new" and file.stat().st_mode & 0o777 == 0o640 and names(tmp_path) == ["a"]


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), ValueError()])
def test_the_old_file_stays_on_any_failure(tmp_path, failure):
    def fail():
        with atomic_write(tmp_path / "a") as stream:
            stream.write(b"half")
            raise failure

    write_text(tmp_path / "a", "old")
    with pytest.raises(type(failure)):
        fail()
    assert (tmp_path / "a").read_text() == "old" and names(tmp_path) == ["a"]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    write_text(tmp_path / "a", "old")
    (tmp_path / "link").symlink_to("a")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "a").read_text() == "new" and (tmp_path / "link").is_symlink()
    write_text(os.devnull, "nothing")
    assert Path(os.devnull).is_char_device()


def test_a_writer_that_wants_a_name_may_replace_the_file(tmp_path):
    with atomic_path(tmp_path / "a") as path:
        path.unlink()
        path.touch(mode=0o600)
        path.write_text("new")
    assert (tmp_path / "a").read_text() == "new"
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_what_a_killed_program_left_can_be_removed(tmp_path):
    (tmp_path / "a.0123abcd.unfinished").touch()
    write_text(tmp_path / "a", "whole")
    remove_unfinished(tmp_path)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "you may write"), (errno.ENOENT, "create the folder")],
)
def test_each_failed_write_has_its_remedy(number, remedy):
    error = OSError(number, "why")
    assert failed_write("a", error).startswith("a: cannot be written: why; ") and remedy in failed_write("a", error)
    with pytest.raises(TokenizerError, match=remedy), write_errors_as(TokenizerError, "a"):
        raise error


def test_json_holds_only_what_json_can_say(tmp_path):
    write_json(tmp_path / "a", {"ä": 1})
    assert (tmp_path / "a").read_text(encoding="utf-8") == '{\n  "ä": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a", {"x": float("nan")})


def example():
    parser = Parser("tool", "Do things.", package="llm-tokenizer")
    verb = parser.add_verb("train", lambda options: options.size, "learn things", "  tool train a")
    verb.add_argument("files", nargs="*")
    verb.add_argument("--size", type=int, default=3)
    parser.add_foreign_verb("spec", len, "check things")
    return parser


@pytest.mark.parametrize(
    "words", [["train", "a", "--size", "7", "b"], ["--size", "7", "train", "a", "b"], ["train", "a", "b", "--size=7"]]
)
def test_options_may_stand_anywhere(words):
    options = example().parse(words)
    assert options.files == ["a", "b"] and options.run(options) == 7


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"]])
def test_help_and_version_need_no_verb(words, capsys):
    with pytest.raises(SystemExit) as stop:
        example().parse(words)
    assert stop.value.code == 0 and capsys.readouterr().out


def test_a_foreign_verb_gets_the_words_as_they_are():
    options = example().parse(["spec", "--anything", "-k"])
    assert options.run(options) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "there is no verb 'trian' (did you mean train?)"),
        (["train", "--sice", "3"], "there is no option '--sice' (did you mean --size?)"),
        (["train", "--sice=3"], "did you mean --size?"),
        (["train", "--siz", "3"], "did you mean --size?"),
        (["train", "--size", "x"], "argument --size: invalid int value: 'x'"),
        ([], "there must be a verb; there are train, spec; `"),
        (["--size", "3"], "there must be a verb; --size belongs to train; `"),
        (["--size=3"], "there must be a verb; --size belongs to train; `"),
        (["--anything", "word"], "there is no option '--anything'"),
        (["--hepl"], "there is no option '--hepl' (did you mean --help?); `"),
    ],
)
def test_a_mistyped_word_gets_the_nearest(words, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        example().parse(words)
    complaint = capsys.readouterr().err
    assert stop.value.code == 2 and sentence in complaint and complaint.count("\n") == 1


def test_the_help_has_examples_and_the_version_is_of_the_package(capsys):
    for words in (["train", "--help"], ["--help", "train"], ["--version"]):
        with pytest.raises(SystemExit):
            example().parse(words)
    shown = capsys.readouterr().out
    assert shown.count("Learn things.") == 2 and "examples:\n  tool train a" in shown and "llm-tokenizer 0." in shown


def stopped(with_a_word):
    raise KeyboardInterrupt(*with_a_word)


def refused():
    raise TokenizerError("text: is wrong")


@pytest.mark.parametrize(
    ("run", "status", "sentence"),
    [
        (lambda: None, 0, ""),
        (lambda: 1, 1, ""),
        (refused, 2, "tool: error: text: is wrong\n"),
        (lambda: stopped([]), 130, "tool: stopped\n"),
        (lambda: stopped(["saved at step 3"]), 130, "tool: saved at step 3\n"),
    ],
)
def test_how_a_command_ends(run, status, sentence, capsys):
    assert run_to_the_end(run, lead="tool: ") == status
    assert capsys.readouterr().err == sentence


PROGRAM = textwrap.dedent("""
    import sys
    from llm_tokenizer.commands.exit_status import run_to_the_end
    def run():
        print(sys.argv[1], sys.stdin.read())
    raise SystemExit(run_to_the_end(run))
""")


@pytest.mark.parametrize(
    ("closed", "status", "out"), [("<&-", 0, b"a\xff:b: \n"), (">&-", 141, b""), ("2>&-", 0, b"a\xff:b: \n")]
)
def test_a_stream_may_be_closed_and_a_name_may_hold_any_bytes(closed, status, out):
    command = ["sh", "-c", f'"$0" -c "$1" "$2" {closed}', sys.executable, PROGRAM, b"a\xff:b:"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, out, b"")


def test_a_console_prints_text_as_it_is():
    stream = io.StringIO()
    Console(file=stream).print("[bold] :heart: /a[b]/c 12")
    assert stream.getvalue() == "[bold] :heart: /a[b]/c 12\n"


def test_a_stage_without_steps_is_timed(monkeypatch):
    monkeypatch.setattr("llm_tokenizer.commands.progress.TICK", 0.01)
    stream = io.StringIO()
    with Progress("tool", stream) as progress:
        progress("reading")
        monkeypatch.setattr("llm_tokenizer.commands.progress.time.monotonic", lambda now=progress.begun + 11: now)
        while not stream.getvalue():
            pass
    assert stream.getvalue() == "tool: reading … 11 s\n"


def test_outside_a_terminal_many_stages_are_no_more_lines(monkeypatch):
    stream = io.StringIO()
    with Progress("tool", stream) as progress:
        for second in range(60):
            monkeypatch.setattr(
                "llm_tokenizer.commands.progress.time.monotonic", lambda now=progress.begun + second: now
            )
            progress(f"part {second}", 0, 1)
    assert [line.partition(":")[2] for line in stream.getvalue().splitlines()] == [
        f" part {second}: 0 of 1, about 0 s left" for second in (10, 30, 50)
    ]


def test_counts_and_times_are_words():
    assert [quantity(count, "token") for count in (0, 1, 2048)] == ["0 tokens", "1 token", "2,048 tokens"]
    assert [duration(seconds) for seconds in (0.9, 59, 65)] == ["0 s", "59 s", "1:05 min"]
