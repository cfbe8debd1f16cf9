"""`llm-train results`: print the results of a finished run."""

import argparse
import math
import os
import re
import shlex
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
        raise TrainError(f"{run.folder} is not finished yet: the command that started it resumes it")
    reporter = Reporter()
    reporter.say(f"run {run.folder}", style="bold")
    show_results(reporter, run.results(), run.folder)
    reporter.require_output()


def show_results(reporter: "Reporter", results: dict[str, Any], folder: Path) -> None:
    """Print the sample, the results, and what to do next."""
    prompt = results.get("sample_prompt", "").strip()
    reporter.say(f"\na sample, continued from {prompt!r}:" if prompt else "\na sample:", style="bold")
    reporter.say(results["sample"].strip(), style="italic")
    reporter.say("")
    reporter.say(
        f"validation loss {results['validation_loss']:.4f} nats per token    "
        f"{results['bits_per_byte']:.4f} bits per byte    perplexity {results['perplexity'] or math.inf:.1f}",
        style="bold",
    )
    reporter.say(
        f"{results['parameters'] / 1e6:.2f} million weights    {quantity(results['steps'], 'step')}    "
        f"{results['tokens'] / 1e6:.2f} million tokens at {results['tokens_per_second']:,.0f} per second    "
        f"{duration(results['seconds'])}"
    )
    reporter.say("\nnext:")
    commands = next_commands(folder, results["prompt"])
    width = max(len(command) for command, _ in commands)
    for command, about in commands:
        reporter.say(f"  {command:<{width}}  {about}")


def next_commands(folder: Path, prompt: str) -> list[tuple[str, str]]:
    """Return three commands to try: nox's if it called (it sets LLM_COMMAND), else our own."""
    quoted = f'"{prompt}"' if re.fullmatch(r"[\w ,.:;?']+", prompt) else shlex.quote(prompt)
    if "LLM_COMMAND" in os.environ:
        run = folder.name if folder.parent == Path("runs") else folder
        return [
            (f"nox -s generate -- --run {shlex.quote(str(run))} --prompt {quoted}", "continue a text"),
            ("nox -s train -- --corpus PATH --run NAME", "train on your own text"),
            ("nox -s spec", "check every part against the specification"),
        ]
    return [
        (f"llm-generate text --model {shlex.quote(str(folder / 'model'))} --prompt {quoted}", "continue a text"),
        ("llm-train run --corpus PATH --run NAME", "train on your own text"),
        ("llm-train spec", "check every part against the specification"),
    ]
