import math
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from llm_layers import Decoder, ModelConfig
from llm_tokenizer import ByteTokenizer
from llm_tokenizer.commands import progress as progress_module
from llm_train.data.shards import EncodedPart
from llm_train.data.tokens import write_tokens
from llm_train.evaluation import evaluate
from llm_train.interface import NonFiniteError, TrainError
from llm_train.objectives.next_token import next_token_loss
from llm_train.runs.metrics import RowLog, read_metrics
from llm_train.runs.progress import LoopProgress, Reporter
from llm_train.runs.samples import sample

CONFIG = ModelConfig(vocab_size=256, d_model=16, layers=1, heads=2, kv_heads=1, d_head=8, d_ff=24, context_length=16)


def text(tmp_path):
    return write_tokens(
        tmp_path / "t.json", [EncodedPart(list(b"some held-out text, of which each byte is a token"), 49)],
        separator=0, vocab_size=256, tokenizer_sha256="t",
    )  # fmt: skip


def test_an_even_guess_over_bytes_costs_eight_bits_a_byte(tmp_path):
    result = evaluate(Decoder(CONFIG), next_token_loss, text(tmp_path), context_length=16, batch=2)
    assert result.loss == pytest.approx(math.log(256), abs=1e-5)
    assert result.perplexity == pytest.approx(256, abs=0.01)
    assert result.bits_per_byte == pytest.approx(8 * 50 / 49, abs=1e-4)  # the end of the text is guessed too


def test_the_mean_is_over_tokens_not_over_batches(tmp_path):
    class Known:
        """Loss 1 for whole windows, 3 for the rest."""

        def __call__(self, model, batch):
            count = batch.targets.numel()
            return torch.tensor(count * (1.0 if batch.tokens.shape[1] == 16 else 3.0)), torch.tensor(count)

    result = evaluate(Decoder(CONFIG), Known(), text(tmp_path), context_length=16, batch=2)
    assert result.loss == pytest.approx((48 * 1 + 2 * 3) / 50)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_says_what_to_do(tmp_path, loss):
    with pytest.raises(NonFiniteError, match=f"validation loss is {loss}: the training has diverged.*--set matrix_lr"):
        evaluate(
            Decoder(CONFIG),
            lambda *_: (torch.tensor(loss), torch.tensor(1)),
            text(tmp_path),
            context_length=16,
            batch=2,
        )


def test_some_windows_are_spread_over_the_text(tmp_path):
    seen = []

    def watching(model, batch):
        seen.extend(batch.tokens[:, 0].tolist())
        return torch.tensor(1.0), torch.tensor(1)

    evaluate(Decoder(CONFIG), watching, text(tmp_path), context_length=8, batch=2, windows=3)
    ids = text(tmp_path).read(0, 51)
    assert seen == [ids[0], ids[16], ids[32]]


def test_a_sample_is_a_function_of_its_seed_and_may_outgrow_the_context():
    model = Decoder(CONFIG, generator=torch.Generator().manual_seed(1))
    texts = [sample(model, ByteTokenizer(), "RO", tokens=40, seed=seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("RO")


def test_a_sample_may_begin_with_nothing():
    class Alphabet:
        """After the end of a text comes an a, after each letter the next one."""

        context_length = 16

        def new_cache(self):
            return Positions()

        def __call__(self, tokens, cache):
            cache.length += tokens.shape[1]
            following = torch.where(tokens == 256, ord("a"), tokens + 1)
            return torch.nn.functional.one_hot(following, 257) * 100.0

    class Positions:
        length = 0

    tokenizer = ByteTokenizer(["<|endoftext|>"])
    assert sample(Alphabet(), tokenizer, "", tokens=3, seed=0) == "abc"
    long = "0123456789" * 3 + "a"  # of a prompt longer than the context its end counts
    assert sample(Alphabet(), tokenizer, long, tokens=5, seed=0) == long + "bcdef"


def test_the_log_is_cut_back_to_the_checkpoint_and_what_was_due_there(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with RowLog(path, after_step=0) as log:
        for step in range(1, 6):
            log.write(step, {"loss": 1.0 / step})
            log.write(step, {"validation_loss": 2.0, "windows": 4})
    before = path.read_bytes().splitlines(keepends=True)
    with path.open("a") as file:
        file.write('{"step": 6, "lo')  # the process died here
    with RowLog(path, after_step=3) as log:
        log.write(4, {"loss": 9.0})
    assert path.read_bytes() == b"".join(before[:5]) + b'{"step": 4, "loss": 9.0}\n'
    assert [row["step"] for row in read_metrics(path)] == [1, 1, 2, 2, 3, 4]


def test_a_number_that_json_cannot_hold_is_written_as_null(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with RowLog(path, after_step=0) as log:
        log.write(1, {"loss": math.inf, "update_ratio": {"head": math.nan, "vectors": 0.5}})
    (row,) = read_metrics(path)
    assert row == {"step": 1, "loss": None, "update_ratio": {"head": None, "vectors": 0.5}}


@pytest.mark.parametrize("line", [b"\xff\n", b"{\n", b"[]\n", b'{"loss": 1}\n', b'{"step": 2, "loss": NaN}\n', b"\n"])
def test_a_damaged_line_of_a_log_is_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1, "loss": 2.0}\n' + line + b'{"step": 3, "loss": 2.0}\n')
    with pytest.raises(TrainError, match=r"metrics\.jsonl: line 2 is damaged .*; delete that line, or the file"):
        RowLog(path, after_step=2)


def test_a_log_on_a_full_disk_says_so(tmp_path, files_of_at_most):
    with RowLog(tmp_path / "metrics.jsonl", after_step=0) as log:
        log.write(1, {"loss": 1.0})
        wanted = r"metrics\.jsonl: cannot be written: .*free some space.*the checkpoints are unchanged"
        with files_of_at_most(30), pytest.raises(TrainError, match=wanted):
            log.write(2, {"loss": 1.0})


def test_no_log_is_no_lines(tmp_path):
    assert list(read_metrics(tmp_path / "none")) == []


@pytest.mark.parametrize("dumb", [False, True])
def test_plain_lines_where_there_is_no_terminal(capsys, monkeypatch, dumb):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: dumb)
    monkeypatch.setenv("TERM", "dumb")
    now = [100.0]
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with LoopProgress(3) as progress:
        progress.update(1, 3.0, 100)  # too soon for a line
        progress.validation = 2.5
        now[0] += 15.0
        progress.update(3, 3.0, 100)
        now[0] += 15.0
        progress.update(3, 3.0, 100)  # too soon after it
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 1
    assert shown[0].startswith("llm-train: step 3/3  loss 3.000  validation 2.500")
    assert "0 s left" in shown[0]
    assert "\x1b" not in shown[0]


def test_what_comes_after_the_loop_does_not_slow_it_down(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("llm_train.runs.progress.time", SimpleNamespace(perf_counter=lambda: now[0]))
    with LoopProgress(2) as progress:
        now[0] += 10.0
        progress.update(2, 3.0, 500)
    now[0] += 90.0  # the last validation, the model folder
    assert (progress.seconds, progress.tokens_per_second) == (10.0, 50.0)


def test_a_terminal_gets_one_line_that_is_wiped(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    now = [100.0]
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with LoopProgress(2) as progress:
        now[0] += 15.0
        progress.update(1, 3.0, 100)
    shown = capsys.readouterr().err
    assert "step 1/2" in shown and "tokens/s" in shown
    assert "\n" not in shown and shown.endswith("\x1b[K")


def test_stages_are_reported_verbatim_with_their_time(capsys):
    reporter = Reporter()
    with reporter.stage("text") as stage:
        stage.report = "[bold] :heart: plays"
    reporter.say("[red]:smile:")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("text        [bold] :heart: plays  ") and first.endswith(" s")
    assert second == "[red]:smile:"
    assert reporter.seconds["text"] >= 0


def test_a_terminal_shows_what_a_long_stage_does(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(progress_module, "TICK", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    reporter = Reporter()
    with reporter.stage("model") as stage:
        stage.display("measuring updates in float32")
        time.sleep(0.1)
        assert capsys.readouterr().err == "", "nothing in the first two seconds"
        now[0] += 2.5
        time.sleep(0.1)
        assert "measuring updates in float32 … 2 s" in capsys.readouterr().err
        reporter.say("a line of text")
        assert capsys.readouterr().err.endswith("\x1b[K"), "the line is wiped before another one is printed"
        stage.report = "ready"
        now[0] += 1
        time.sleep(0.1)
    shown = capsys.readouterr()
    assert shown.err.endswith("\x1b[K")
    assert shown.out.startswith("model       ready")
