"""`llm-generate text`: continue a text with a trained model."""

import argparse
import os
import re
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llm_tokenizer.commands.exit_status import INTERRUPTED, OK
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.wording import quantity

if TYPE_CHECKING:
    from llm_generate.settings import SamplingSettings
    from llm_generate.streaming import TextStream

EXAMPLES = """\
  llm-generate text --prompt "ROMEO:"                     with the newest run under ./runs
  llm-generate text --prompt "ROMEO:" --seed 7            the same text every time
  llm-generate text --prompt "ROMEO:" --temperature 0     always the most likely token
  llm-generate text --run mine --file opening.txt         the run ./runs/mine, the prompt from a file
  llm-generate text --model folder --prompt "Once" --top-k 40 --top-p 0.9 --stop "\\n\\n"
"""

REASONS = {
    "stop": "an end-of-text token or a stop string came",
    "length": "--max-tokens reached",
    "context": "the model's context is full",
    "stopped": "stopped by you",
}

# In quotes a shell passes "\n" as two characters.
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}


def add_text(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("text", text, "continue a prompt", EXAMPLES)
    prompt = verb.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", metavar="TEXT", help="the text to continue; - reads standard input")
    prompt.add_argument("--file", metavar="FILE", help="a file with the text to continue; - reads standard input")
    verb.add_argument("--echo", action="store_true", help="print the prompt before its continuation")
    source = verb.add_argument_group("the model (default: the run whose model was written last)")
    either = source.add_mutually_exclusive_group()
    either.add_argument("--run", dest="name", metavar="RUN", help="a run, by its name or its folder")
    either.add_argument(
        "--model", metavar="MODEL", help="a model folder, a run's folder or a GGUF file, with the tokenizer"
    )
    source.add_argument("--runs", metavar="FOLDER", help="where the runs are (default: runs)")
    sampling = verb.add_argument_group("sampling, in this order")
    sampling.add_argument(
        "--temperature", type=float, default=0.8, metavar="T",
        help="0 always takes the most likely token, 1 samples from the model's own distribution (%(default)s)",
    )  # fmt: skip
    sampling.add_argument("--top-k", type=int, metavar="K", help="only the K most likely tokens (default: all)")
    sampling.add_argument(
        "--top-p", type=float, default=1.0, metavar="P",
        help="only the most likely tokens whose probabilities sum to P (default: 1, all)",
    )  # fmt: skip
    sampling.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same text (default: random)")
    end = verb.add_argument_group("where it ends")
    end.add_argument("--max-tokens", type=int, default=256, metavar="N", help="the most tokens to write (%(default)s)")
    end.add_argument(
        "--stop", action="append", default=[], metavar="TEXT",
        help="end before this text, which is not shown; may be repeated; \\n is a line break",
    )  # fmt: skip


def text(options: argparse.Namespace) -> int:
    """Continue the prompt, and return the exit status."""
    from llm_generate.interface import GenerateError
    from llm_generate.settings import SamplingSettings, check_max_tokens
    from llm_generate.stopping import StopStrings
    from llm_train import find_run

    settings = SamplingSettings(
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=secrets.randbelow(2**32) if options.seed is None else options.seed,
    )
    check_max_tokens(options.max_tokens)
    stop = [_unescape(_utf8(one, "--stop")) for one in options.stop]
    StopStrings(stop)
    if options.model is not None and options.runs is not None:
        raise GenerateError("--runs has no effect with --model: leave one of them out")
    source = find_run(options.name, options.runs or "runs").folder if options.model is None else options.model
    prompt = _prompt(options)
    # On a busy machine torch's threads wait for each other at full speed: a small model then writes 8 to 65 tokens/s.
    # If they sleep while they wait, the cores are free for whoever has work, and it writes 150 to 430 (4 layers of
    # 128, two cores, two other jobs).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Imported only now, because torch takes two seconds: mistakes in the call are reported at once.
    from llm_generate.loading import load
    from llm_generate.sampling import CategoricalSampler
    from llm_generate.streaming import stream_text

    loaded = load(source)
    stream = stream_text(
        loaded.model,
        loaded.tokenizer,
        prompt,
        sampler=CategoricalSampler(settings),
        max_tokens=options.max_tokens,
        stop=stop,
        stop_ids=loaded.stop_ids,
        start_ids=loaded.start_ids,
    )
    return _show(stream, prompt if options.echo else "", settings, source)


def _show(stream: "TextStream", echo: str, settings: "SamplingSettings", source: str | Path) -> int:
    """Print the text as it comes, then one line on stderr: how much, how fast, of which model, and why it ended."""
    began, status, last = time.perf_counter(), OK, echo
    print(echo, end="", flush=True)
    try:
        for part in stream:
            print(part, end="", flush=True)
            last = part
    except KeyboardInterrupt:
        status = INTERRUPTED
    seconds = time.perf_counter() - began
    if last and not last.endswith("\n"):  # a file or a pipe gets the text and nothing else
        if sys.stdout.isatty():
            print(flush=True)
        elif _share_one_output():
            print(file=sys.stderr)
    count = len(stream.token_ids)
    reason = "stopped" if status else str(stream.finish_reason)
    chosen = "greedy" if settings.temperature == 0 else f"seed {settings.seed}"
    rate = count / seconds if seconds > 0 else 0.0
    print(
        f"llm-generate: {quantity(count, 'token')} in {seconds:.2f} s, {rate:.1f} tokens/s, model {source}, {chosen}, "
        f"finished: {reason} ({REASONS[reason]})",
        file=sys.stderr,
    )
    return status


def _share_one_output() -> bool:
    """Return whether stdout and stderr go to the same place, as after `2>&1`."""
    with suppress(OSError):  # a stream that is no file
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    return False


def _prompt(options: argparse.Namespace) -> str:
    """Return the prompt, not a byte of it changed; it must be UTF-8."""
    from llm_tokenizer.corpus.unicode_decoding import decoded_blocks

    source = "-" if options.prompt == "-" else options.file
    if source is None:
        return _utf8(options.prompt, "the prompt")
    return "".join(decoded_blocks(source, keep_mark=True))


def _utf8(argument: str, name: str) -> str:
    """Return an argument, whose bytes must be UTF-8; Python shows others as halves of surrogate pairs."""
    from llm_tokenizer.corpus.unicode_decoding import decode_strictly

    return decode_strictly(argument.encode("utf-8", "surrogateescape"), name)


def _unescape(text: str) -> str:
    """Convert the two characters backslash and n, as a shell passes them, to a line break."""
    return re.sub(r"\\[nt\\]", lambda pair: _ESCAPES[pair[0]], text)
