"""`llm-train results`: print the results of a finished run."""

import argparse
import math
import os
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.wording import duration, quantity
from llm_train.interface import TrainError

if TYPE_CHECKING:
    from llm_train.runs.progress import Reporter


def add_results(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("results", results, "print the results of a finished run")
    verb.add_argument("name", nargs="?", metavar="RUN", help="a run, by its name or its folder (default: the newest)")
    verb.add_argument("--runs", default="runs", metavar="FOLDER", help="where run folders are (%(default)s)")


def results(options: argparse.Namespace) -> None:
    """Print the results of the run."""
    from llm_train.runs.finding import find_run
    from llm_train.runs.progress import Reporter

    run = find_run(options.name, options.runs)
    if not run.finished:
        raise TrainError(f"{run.folder} is not finished yet: `{run.how_to_resume}` resumes it")
    reporter = Reporter()
    reporter.say(f"run {run.folder}", style="bold")
    show_results(reporter, run.results(), run.folder)
    reporter.require_output()


def show_results(reporter: "Reporter", results: dict[str, Any], folder: Path) -> None:
    """Print the sample, the results, and what to do next.

    Raises:
        TrainError: something is missing in the results, or is not what it must be.
    """
    try:
        lines = _lines(results)
        prompt = results.get("sample_prompt", "").strip()
        sample, words = results["sample"].strip(), str(results["prompt"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise TrainError(f"{folder / 'results.json'}: is damaged ({reason}); move the run folder away") from None
    reporter.say(f"\na sample, continued from {prompt!r}:" if prompt else "\na sample:", style="bold")
    reporter.say(sample, style="italic")
    reporter.say("")
    reporter.say(lines[0], style="bold")
    reporter.say(lines[1])
    reporter.say("\nnext:")
    commands = next_commands(folder, words)
    width = max(len(command) for command, _ in commands)
    for command, about in commands:
        reporter.say(f"  {command:<{width}}  {about}")


def _lines(results: dict[str, Any]) -> tuple[str, str]:
    return (
        f"validation loss {results['validation_loss']:.4f} nats per token    "
        f"{results['bits_per_byte']:.4f} bits per byte    perplexity {results['perplexity'] or math.inf:.1f}",
        f"{results['parameters'] / 1e6:.2f} million weights    {quantity(results['steps'], 'step')}    "
        f"{results['tokens'] / 1e6:.2f} million tokens "
        f"at {results['tokens_per_second']:,.0f} per second of training    "
        f"{duration(results['seconds'])}",
    )


def next_commands(folder: Path, prompt: str) -> list[tuple[str, str]]:
    """Return three commands that can be followed here: nox's if it called (it sets LLM_COMMAND), else our own."""
    from llm_train.runs.folder import training_command

    nox = "LLM_COMMAND" in os.environ
    run = folder.name if folder.parent == Path("runs") else str(folder)
    model = (folder / "model" / "config.json").is_file()
    first = (f"llm-train report {_option('', str(folder))}", "write the page of the run")
    if nox and model:
        first = (f"nox -s generate -- {_option('--run', run)} {_option('--prompt', prompt)}", "continue a text")
    elif model and find_spec("llm_generate") is not None:
        place = _option("--model", str(folder / "model"))
        first = (f"llm-generate text {place} {_option('--prompt', prompt)}", "continue a text")
    check = "nox -s spec" if nox else "llm-train spec"
    return [
        first,
        (f"{training_command()} --corpus PATH --run NAME", "train on your own text"),
        (check, "check every part against the specification"),
    ]


def _option(name: str, value: str) -> str:
    """Write an option and its value for a shell; a value that begins with a dash must not look like another option."""
    value = f" {value}" if value in ("-", "--") else value  # alone they are the standard input, and the end of options
    quoted = f'"{value}"' if name == "--prompt" and re.fullmatch(r"[\w ,.:;?']+", value) else shlex.quote(value)
    if not name:
        return f"./{quoted}" if value.startswith("-") else quoted
    return f"{name}={quoted}" if value.startswith("-") else f"{name} {quoted}"
