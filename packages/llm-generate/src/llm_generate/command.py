"""The console command `llm-generate`: write text with a trained model, run the specification."""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_tokenizer.commands.exit_status import run_to_the_end

if TYPE_CHECKING:
    from llm_generate.settings import SamplingSettings
    from llm_generate.streaming import TextStream

EXAMPLES = """examples:
  llm-generate text --prompt "ROMEO:"                     with the newest run under ./runs
  llm-generate text --prompt "ROMEO:" --seed 7            the same text every time
  llm-generate text --prompt "ROMEO:" --temperature 0     always the likeliest token
  llm-generate text --run tale --prompt - < opening.txt   the run ./runs/tale, the prompt from a file
  llm-generate text --model folder --prompt "Once" --top-k 40 --top-p 0.9 --stop "\\n\\n"
  llm-generate spec my_sampling                           put your own functions on trial
"""

REASONS = {
    "stop": "an end of text or a stop string came",
    "length": "--max-tokens reached",
    "context": "the model's context is full",
    "stopped": "stopped by you",
}

# A shell hands "\n" in quotes over as two characters.
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status: 0 fine, 1 the specification is not met, 2 a mistake in the call."""
    return run_to_the_end(lambda: _run(sys.argv[1:] if arguments is None else list(arguments)), lead="llm-generate: ")


def _run(words: list[str]) -> int:
    if words[:1] == ["spec"]:  # its options are the specification's own
        from llm_generate.spec import SPECIFICATION
        from llm_tokenizer.conformance.command import main as run_specification

        return run_specification(SPECIFICATION, words[1:])
    parsed = _parser().parse_args(words)
    try:
        return _text(parsed)
    except ValueError as error:
        if not _is_for_people(error):
            raise
        print(f"llm-generate: error: {error}", file=sys.stderr)
        return 2


def _is_for_people(error: ValueError) -> bool:
    """Whether it is one of the four packages' own errors; any other is a fault of ours and keeps its traceback."""
    return type(error).__module__.split(".")[0] in ("llm_tokenizer", "llm_layers", "llm_train", "llm_generate")


def _parser() -> argparse.ArgumentParser:
    from llm_generate import __version__

    raw = argparse.RawDescriptionHelpFormatter
    description = "Write text with a trained model, or put sampling functions on trial before the specification."
    parser = argparse.ArgumentParser(prog="llm-generate", description=description, epilog=EXAMPLES, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"llm-generate {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    text = verbs.add_parser(
        "text",
        help="continue a prompt",
        description="Continue a prompt. The text goes to stdout as it comes, one line of figures to stderr.",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    _add_text_options(text)
    verbs.add_parser("spec", help="run the specification; `llm-generate spec --help` says how", add_help=False)
    return parser


def _add_text_options(text: argparse.ArgumentParser) -> None:
    text.add_argument("--prompt", required=True, help="the text to continue; - reads it from stdin, byte for byte")
    text.add_argument("--echo", action="store_true", help="print the prompt before its continuation")
    source = text.add_argument_group("the model (default: the run whose model was written last)")
    either = source.add_mutually_exclusive_group()
    either.add_argument("--run", metavar="NAME", help="a run by its name")
    either.add_argument(
        "--model", metavar="FOLDER", help="a model folder (config.json, model.safetensors, tokenizer.json)"
    )
    source.add_argument("--runs", metavar="FOLDER", default="runs", help="where the runs are (default ./runs)")
    sampling = text.add_argument_group("how a token is chosen, in this order")
    sampling.add_argument(
        "--temperature",
        type=float,
        default=0.8,
        metavar="T",
        help="0 always takes the likeliest token, 1 is the model's own distribution (default 0.8, a little safer)",
    )
    sampling.add_argument("--top-k", type=int, metavar="K", help="draw from the K likeliest tokens only (default: all)")
    sampling.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        metavar="P",
        help="draw from the fewest likeliest tokens that hold the share P of probability (default 1: all)",
    )
    sampling.add_argument("--seed", type=int, metavar="N", help="draw the same text again (default: another each time)")
    end = text.add_argument_group("where it ends")
    end.add_argument("--max-tokens", type=int, default=256, metavar="N", help="the most tokens to write (default 256)")
    end.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="end before this text, which is not shown; may be given several times; \\n is a line break",
    )


def _text(options: argparse.Namespace) -> int:
    from llm_generate.settings import SamplingSettings

    settings = SamplingSettings(
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=secrets.randbelow(2**32) if options.seed is None else options.seed,
    )
    prompt = _prompt(options.prompt)
    # On a machine that is busy, with a training for example, torch's threads wait for each other at full speed: a
    # small model then writes 8 to 65 tokens/s. Told to sleep while they wait, they leave the cores to whoever has
    # work, and it writes 150 to 430 (4 layers of 128, two cores, two other jobs).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Only now, where the call is known to be right, the two seconds that torch takes to import.
    from llm_generate.loading import load
    from llm_generate.resolve_model import find_model_folder
    from llm_generate.sampling import CategoricalSampler, new_generator
    from llm_generate.streaming import stream_text

    loaded = load(find_model_folder(model=options.model, run=options.run, runs=options.runs))
    stream = stream_text(
        loaded.model,
        loaded.tokenizer,
        prompt,
        sampler=CategoricalSampler(settings),
        max_tokens=options.max_tokens,
        stop=[_unescape(one) for one in options.stop],
        stop_ids=loaded.stop_ids,
        start_ids=loaded.start_ids,
        generator=new_generator(settings.seed),
    )
    return _show(stream, prompt if options.echo else "", settings)


def _show(stream: "TextStream", echo: str, settings: "SamplingSettings") -> int:
    """Print the text as it comes, then the figures."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without emoji shows ? instead of ending the text
    began, status, last = time.perf_counter(), 0, echo
    print(echo, end="", flush=True)
    try:
        for piece in stream:
            print(piece, end="", flush=True)
            last = piece
    except KeyboardInterrupt:
        status = 130
    seconds = time.perf_counter() - began
    if sys.stdout.isatty() and not last.endswith("\n"):
        print(flush=True)  # into a file or a pipe goes the text and nothing else
    count = len(stream.token_ids)
    reason = "stopped" if status else stream.finish_reason or "stop"
    chosen = "greedy" if settings.temperature == 0 else f"seed {settings.seed}"
    rate = count / seconds if seconds > 0 else 0.0
    tokens = "1 token" if count == 1 else f"{count} tokens"
    print(
        f"llm-generate: {tokens} in {seconds:.2f} s, {rate:.1f} tokens/s, {chosen}, "
        f"finished: {reason} ({REASONS[reason]})",
        file=sys.stderr,
    )
    return status


def _prompt(given: str) -> str:
    """The prompt as text; from the command line or from stdin it must be UTF-8."""
    from llm_generate.interface import GenerateError

    content = sys.stdin.buffer.read() if given == "-" else given.encode("utf-8", "surrogateescape")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GenerateError(
            f"the prompt must be UTF-8 text, and its byte {error.start} is 0x{content[error.start]:02x}: "
            "save the text as UTF-8 first."
        ) from None


def _unescape(text: str) -> str:
    """Turn the two characters backslash and n, as a shell hands them over, into a line break."""
    result, rest = "", text
    while rest:
        pair = rest[:2]
        result += _ESCAPES.get(pair, rest[0])
        rest = rest[2:] if pair in _ESCAPES else rest[1:]
    return result
