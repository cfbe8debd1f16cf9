"""`llm-train`: run, recipes, figures. `python -m llm_train` is the same."""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import MISSING, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from llm_tokenizer.commands.exit_status import run_to_the_end
from llm_train.interface import TrainError
from llm_train.recipe import Recipe, shipped_recipes
from llm_train.settings import SECTIONS

DEFAULT_RECIPE = "shakespeare"
SUCCESS, REFUSED, INTERRUPTED = 0, 2, 130

_EPILOG = """\
exit status: 0 finished, 2 something you can mend (one line says what), 130 stopped and saved.
"""
_RUN_EPILOG = """\
{recipes}

fields of a recipe, for --set (default):
{fields}

examples:
  llm-train run                                        Shakespeare, about four minutes on two CPU cores
  llm-train run --recipe tiny                          every stage once, in seconds
  llm-train run --corpus novel.txt --run novel         your own text, a file or a folder
  llm-train run --set minutes=20 --set layers=6 --run longer
  llm-train run --recipe runs/longer/recipe.toml --run again

Stop with Ctrl-C whenever you like: the step is finished and saved, and the same command goes on from there.
exit status: 0 finished, 2 something you can mend (one line says what), 130 stopped and saved.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status comes back."""
    options = _parser().parse_args(arguments)
    return run_to_the_end(lambda: _act(options), lead="llm-train: ")


def _act(options: argparse.Namespace) -> int:
    from llm_layers import LayersError
    from llm_tokenizer import TokenizerError
    from llm_train.interruption import Interrupted

    try:
        status: int = options.action(options)
    except Interrupted as stop:
        print(f"llm-train: {stop}. The same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    except (TrainError, LayersError, TokenizerError) as error:
        print(f"llm-train: error: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(
            "llm-train: stopped. What was saved before is kept; the same command goes on from there.", file=sys.stderr
        )
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-train", description="Train a language model from scratch.", epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"llm-train {_version()}")
    verbs = parser.add_subparsers(title="what to do", required=True, metavar="VERB")
    run = verbs.add_parser(
        "run", help="train a model, or go on with a stopped run",
        description="Train a model: text, tokenizer, tokens, model, training, samples. One folder holds it all.",
        epilog=_RUN_EPILOG.format(recipes=_recipe_list(), fields=_field_list()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    run.add_argument(
        "--recipe", default=DEFAULT_RECIPE, metavar="NAME|FILE", help="a shipped recipe or a TOML file (%(default)s)"
    )
    run.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field; may be repeated"
    )
    run.add_argument("--corpus", metavar="PATH", help="your own text: a file, or a folder of .txt and .md files")
    run.add_argument("--run", metavar="NAME", help="name of the run's folder (the recipe's or the corpus's)")
    run.add_argument("--runs", default="runs", metavar="FOLDER", help="where run folders are (%(default)s)")
    run.set_defaults(action=_run)
    recipes = verbs.add_parser("recipes", help="list the shipped recipes, or print one as TOML")
    recipes.add_argument("name", nargs="?", help="print this one")
    recipes.set_defaults(action=_recipes)
    figures = verbs.add_parser("figures", help="print the figures of a finished run")
    figures.add_argument("folder", nargs="?", help="a run folder (the newest under runs/)")
    figures.set_defaults(action=_figures)
    return parser


def _run(options: argparse.Namespace) -> int:
    recipe = Recipe.load(options.recipe)
    name = recipe.name
    if options.corpus is not None:
        # The recipe's held-out names are of its own corpus; for another text the split goes by rule.
        recipe = recipe.with_values(corpus=options.corpus, held_out=())
        name = Path(options.corpus).expanduser().resolve().stem or name
    recipe = recipe.with_settings(options.set)
    name = options.run or name
    if Path(name).name != name or name in ("", ".", ".."):
        raise TrainError(f"--run must be a plain name for a folder, was {name!r}; --runs says where it is")
    started = time.perf_counter()  # loading torch is part of what the user waits for
    from llm_train.pipeline import train
    from llm_train.progress import Announcer

    announcer = Announcer(started=started)
    folder = Path(options.runs) / name
    announcer.say(f"recipe {recipe.name} -> {folder}", style="bold")
    _show(announcer, train(recipe, folder, announcer), folder)
    return SUCCESS


def _recipes(options: argparse.Namespace) -> int:
    if options.name is None:
        print(_recipe_list())
    else:
        print(Recipe.load(options.name).to_toml(), end="")
    return SUCCESS


def _figures(options: argparse.Namespace) -> int:
    from llm_train.progress import Announcer
    from llm_train.run import Run, newest_run

    run = Run.open(options.folder) if options.folder else newest_run()
    if not run.finished:
        raise TrainError(f"{run.folder} is not finished yet: the same `llm-train run` goes on with it")
    _show(Announcer(), run.figures(), run.folder)
    return SUCCESS


def _show(announcer: Any, figures: dict[str, Any], folder: Path) -> None:
    """Print the sample, the figures, and what to do next."""
    announcer.say("")
    announcer.say(figures["sample"].strip(), style="italic")
    announcer.say("")
    announcer.say(
        f"validation loss {figures['validation_loss']:.4f} nats per token    "
        f"{figures['bits_per_byte']:.4f} bits per byte    perplexity {figures['perplexity']:.1f}",
        style="bold",
    )
    announcer.say(
        f"{figures['parameters'] / 1e6:.2f} million weights    {figures['steps']:,} steps    "
        f"{figures['tokens'] / 1e6:.2f} million tokens at {figures['tokens_per_second']:,.0f} per second    "
        f"{int(figures['seconds']) // 60}:{int(figures['seconds']) % 60:02d} min"
    )
    announcer.say("\nnext:")
    commands = next_commands(folder, figures["sample"])
    width = max(len(command) for command, _ in commands)
    for command, about in commands:
        announcer.say(f"  {command:<{width}}  {about}")


def next_commands(folder: Path, sample: str) -> list[tuple[str, str]]:
    """Three commands to try, in the words of whoever called: nox (it sets LLM_COMMAND) or our own commands."""
    prompt = f'--prompt "{_opening(sample)}"'
    if os.environ.get("LLM_COMMAND") == "nox":
        return [
            (f"nox -s generate -- {prompt}", "let it write"),
            ("nox -s train -- --corpus PATH --run mine", "learn from your own text"),
            ("nox -s spec", "what every part must be, and whether it is"),
        ]
    return [
        (f"llm-generate text --model {folder / 'model'} {prompt}", "let it write"),
        ("llm-train run --corpus PATH --run mine", "learn from your own text"),
        ("python -m llm_train.spec", "what every part must be, and whether it is"),
    ]


def _opening(sample: str) -> str:
    """The first words of a sample, in the kind of text that was learned, without what a shell would act upon."""
    line = re.sub(r"""["$`\\!]""", "", sample.lstrip()).partition("\n")[0]
    return " ".join(line.split()[:3])[:40] or "Once"


def _recipe_list() -> str:
    loaded = [Recipe.load(name) for name in shipped_recipes()]
    return "recipes:\n" + "\n".join(f"  {recipe.name:<14}{recipe.about}" for recipe in loaded)


def _field_list() -> str:
    """Every field of a recipe with its meaning, its choices and its default, as `--help` shows them."""
    lines = []
    for name, kind in SECTIONS.items():
        lines.append(f"  [{name}]")
        for entry in fields(kind):
            has_default = entry.default not in (MISSING, None, ())
            default = f" ({json.dumps(entry.default)})" if has_default else ""
            choices = f" [{', '.join(entry.metadata['choices'])}]" if entry.metadata["choices"] else ""
            lines.append(f"    {entry.name:<20}{entry.metadata['about']}{choices}{default}")
    return "\n".join(lines)


def _version() -> str:
    try:
        return version("llm-train")
    except PackageNotFoundError:
        return "0.2.0"
