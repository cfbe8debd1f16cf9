"""`llm-train run`: train a model by a recipe."""

import argparse
import json
import os
import time
from dataclasses import MISSING, fields, replace
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill

from llm_tokenizer.commands.exit_status import USER_ERROR
from llm_tokenizer.commands.parser import Parser
from llm_train.commands.dry_run import predict
from llm_train.commands.recipes import recipe_list
from llm_train.commands.starting import starting
from llm_train.interface import EndedElsewhereError, TrainError
from llm_train.parts.pins import pinned
from llm_train.recipes.recipe import Recipe, shipped_recipes
from llm_train.recipes.settings import SECTIONS, ReportSettings
from llm_train.runs.interruption import Interrupted, StopRequest

DEFAULT = "shakespeare"
SMALLEST_BPE = 257
"""Tokens of a byte-pair vocabulary that has not merged anything; checked here, before the text is read."""
EXAMPLES = """\
  llm-train run                                        Shakespeare, about four minutes on two CPU cores
  llm-train run --recipe tiny                          every stage once, in seconds
  llm-train run --corpus novel.txt --run novel         your own text, a file or a folder
  llm-train run --set minutes=20 --set layers=6 --run longer
  llm-train run --recipe runs/longer/recipe.toml       go on with that run, whatever command began it
  llm-train run --recipe runs/longer/recipe.toml --run again
  torchrun --standalone --nproc-per-node 2 -m llm_train -- run       two processes
  llm-train run --recipe tiny --parts my_layers.py     with your own functions in place of ours
"""
SETTING = """\
how --set reads a value: as in TOML, after the shell has taken off the outer quotes
  --set steps=100 --set matrix_lr=3e-4                 numbers
  --set keep_best=true                                 true or false
  --set design=gpt2                                    text, without quotes of its own
  --set 'sample_prompt="Chapter 1\\n"'                  text with an escape, or that looks like a number: with quotes
  --set 'held_out=["one", "two"]'  --set 'held_out=[]' lists
  --set threads=                                       nothing: the default of the field, whatever the recipe says
A field may be named with its section: --set compute.threads=2. Of two values the last one counts.
"""


def add_run(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("run", run, "train a model, or resume a stopped run", EXAMPLES)
    add_recipe_options(verb)
    verb.add_argument(
        "--dry-run", action="store_true", help="predict parameters, FLOPs, memory and time on this machine, and stop"
    )
    verb.add_argument("--json", action="store_true", help="with --dry-run: print the prediction as JSON")
    verb.epilog = (
        f"{recipe_list()}\n\nfields of a recipe, for --set (value in the recipe {DEFAULT}; default, if another):\n"
        f"{_field_list()}\n\n{SETTING}\n{verb.epilog}\n"
        "Stop with Ctrl-C whenever you like: the step is finished and saved, and the same command resumes the run.\n"
        "exit status: 0 finished, 2 user error, 130 stopped and saved\n"
    )


def add_recipe_options(verb: Parser) -> None:
    """Add the options that describe a recipe and the folder of its run."""
    verb.add_argument(
        "--recipe", default=DEFAULT, metavar="NAME|FILE", help="a shipped recipe or a TOML file (%(default)s)"
    )
    verb.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field; may be repeated"
    )
    verb.add_argument(
        "--corpus", metavar="PATH", action="extend", nargs="+",
        help="your own text: files (.txt, .md, .jsonl, each also .gz), folders, or globs; may be repeated",
    )  # fmt: skip
    verb.add_argument(
        "--run", dest="name", metavar="NAME", help="name of the run's folder (default: that of the recipe or corpus)"
    )
    verb.add_argument("--runs", default="runs", metavar="FOLDER", help="where run folders are (%(default)s)")
    verb.add_argument(
        "--parts", metavar="FILE", action="extend", nargs="+",
        help="your own functions in place of ours: my_layers.py my_training.py, or with a comma between them",
    )  # fmt: skip
    verb.written_otherwise = {
        f"--{entry.name}".replace("_", "-"): f"--set {section}.{entry.name}=VALUE"
        for section, kind in SECTIONS.items()
        for entry in fields(kind)
    }


def run(options: argparse.Namespace) -> int | None:
    """Train, and print the results."""
    started = time.perf_counter()  # the user waits while torch is imported, too
    if options.json and not options.dry_run:
        raise TrainError("--json prints the prediction of --dry-run: give both, or none of them")
    recipe, folder = recipe_and_folder(options)
    if options.dry_run:
        predict(recipe, folder, json=options.json, started=started)
        return None
    try:
        with StopRequest() as stop:  # from now on, not only when torch has been imported
            _train(recipe, folder, started, stop)
    except EndedElsewhereError:
        return USER_ERROR  # without a word: the first process has said it
    return None


def _train(recipe: Recipe, folder: Path, started: float, stop: StopRequest) -> None:
    try:
        with stop.deferred(), starting():  # a library that is half imported cannot be used any more
            from llm_train.commands.results import show_results
            from llm_train.place import find_place
            from llm_train.runs.folder import Run
            from llm_train.runs.progress import Reporter
            from llm_train.stages.pretrain import train, wanted_device
        if stop.requested:
            raise KeyboardInterrupt
        with find_place(wanted_device(recipe, Run(folder))) as place, place.silence():
            reporter = Reporter(started=started)
            reporter.say(f"recipe {recipe.name} -> {folder}", style="bold")
            if recipe.compute.parts:
                from llm_train.parts.checking import require_parts

                reporter.say("checking your functions against the specification")
                for line in place.once(lambda: list(require_parts(recipe))):
                    reporter.say(line)
            show_results(reporter, train(recipe, folder, reporter, place=place), folder)
            reporter.require_output()
    except Interrupted as stopped:
        raise KeyboardInterrupt(f"{stopped}. The same command resumes the run.") from None
    except KeyboardInterrupt:  # before anything was begun, or the second one, that does not wait
        kept = "What was saved before is kept; the same command resumes the run."
        nothing = "Nothing had begun; the same command starts the run."
        raise KeyboardInterrupt(f"stopped. {kept if folder.exists() else nothing}") from None


def recipe_and_folder(options: argparse.Namespace) -> tuple[Recipe, Path]:
    """Return the recipe that the options describe, and the folder of its run."""
    recipe = Recipe.load(options.recipe)
    file = Path(os.path.abspath(options.recipe))
    of_a_run = file.name == "recipe.toml" and file.parent.parent == Path(os.path.abspath(options.runs))
    name = file.parent.name if of_a_run else recipe.name
    if options.corpus is not None:
        # The recipe's held-out names belong to its own corpus, and so do a shipped recipe's prompt and description.
        paths = tuple(options.corpus)
        recipe = recipe.with_values(corpus=paths if len(paths) > 1 else paths[0], held_out=())
        if options.recipe in shipped_recipes():
            recipe = replace(recipe.with_values(sample_prompt=ReportSettings().sample_prompt), about="")
        name = _run_name(paths[0]) or name
    recipe = recipe.with_settings(options.set)
    _require_vocabulary(recipe)
    if options.parts is not None:
        recipe = recipe.with_values(parts=tuple(file.strip() for file in ",".join(options.parts).split(",")))
    name = name if options.name is None else options.name
    if Path(name).name != name or name in ("", ".", ".."):
        raise TrainError(f"--run must be a plain name for a folder, was {name!r}; --runs is the folder that holds it")
    return pinned(recipe), Path(options.runs) / name


def _require_vocabulary(recipe: Recipe) -> None:
    size = recipe.tokenizer.vocab_size
    if recipe.tokenizer.kind != "bpe" or size is None or size >= SMALLEST_BPE:
        return
    from llm_train.data.prepared import is_prepared

    if not is_prepared(recipe.data.corpus):  # with tokens that are prepared comes a tokenizer of any kind
        raise TrainError(
            f"tokenizer.vocab_size must be at least {SMALLEST_BPE} for a bpe (256 bytes and the token that ends a "
            f"text), was {size}"
        )


def _run_name(corpus: str) -> str:
    """Return a name for the run on a text: that of its file or folder, without suffixes; of a glob the folder's."""
    path = Path(corpus).expanduser().resolve()
    while set(path.name) & set("*?[") and not path.exists():
        path = path.parent
    return Path(path.name.removesuffix(".gz")).stem


def _field_list() -> str:
    """Return all fields of a recipe, each with its help, its choices and its value in the default recipe."""
    lines, values = [], Recipe.load(DEFAULT).to_dict()
    for name, kind in SECTIONS.items():
        lines.append(f"  [{name}]")
        for entry in fields(kind):
            value = values[name][entry.name]
            shown = [] if value is None else [json.dumps(value)]  # the help says what None means
            if entry.default not in (value, MISSING):
                shown.append(f"default {'absent' if entry.default is None else json.dumps(entry.default)}")
            default = f" ({'; '.join(shown)})" if shown else ""
            choices = f" [{', '.join(entry.metadata['choices'])}]" if entry.metadata["choices"] else ""
            line = f"    {entry.name:<20}{entry.metadata['about']}{choices}{default}"
            width = max(60, get_terminal_size().columns - 2)
            lines.append(fill(line, width, subsequent_indent=" " * 24, break_on_hyphens=False))
    return "\n".join(lines)
