"""`llm-layers lens`: what a model would say if it had to answer after each layer."""

import argparse
from pathlib import Path

from llm_layers.commands.sources import read_model
from llm_layers.commands.stages import Stages
from llm_layers.commands.text_options import add_text_arguments, check_out, namer, read_text, whole, written
from llm_layers.formats.huggingface.storage import load_config
from llm_layers.inspection.lens import logit_lens
from llm_layers.inspection.table import lens_detail, lens_table
from llm_layers.inspection.web_page import lens_page
from llm_layers.interface import LayersError

TOP = 5
SUMMARY = "what a model would say next if it had to answer after each layer"
EXAMPLES = """examples:
  llm-layers lens runs/tale/model --text "The cat sat on the"                  a table
  llm-layers lens runs/tale/model --text "The cat sat on the" --position 3     one position in every layer
  llm-layers lens runs/tale/model --text "The cat sat on the" --out lens.html"""
COLUMNS = (
    "Each cell: the token that the model would name as the next if it stopped after this layer, and its probability;\n"
    "of equally likely ones that with the lower id. true next: the token that follows in the text, and its\n"
    "probability at the end; rank 1: no token is likelier."
)
DETAIL = (
    "A row is what the model would answer if it stopped there: its likeliest next tokens with their probabilities, of\n"
    "equally likely ones the lower id first; true next: the probability of the token that follows in the text;\n"
    "rank 1: no token is likelier."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a .gguf file")
    add_text_arguments(parser)
    parser.add_argument("--top", type=whole, help=f"how many tokens to name, with --position or --out (default {TOP})")
    parser.add_argument("--position", type=whole, help="only this position, in every layer")
    parser.add_argument("--out", type=Path, help="an .html file to write")


def run(options: argparse.Namespace, stages: Stages) -> str:
    """Give a table, or write the page."""
    check_out(options.out, ".html")
    config = load_config(options.model)
    top = _checked_top(options, config.vocab_size)
    ids, labels = read_text(options, options.model, config)
    if options.position is not None and options.position >= len(labels):
        raise LayersError(f"--position must be at most {len(labels) - 1}, the last token, but was {options.position}")
    model = read_model(options.model, config, stages)
    stages(f"running a text of {len(labels)} tokens")
    lens = logit_lens(model, ids, top=top)
    name = namer(options.model)
    if options.out is not None:
        return written(lens_page(lens, labels, name, title=f"Logit lens of {options.model}"), options.out)
    if options.position is None:
        return f"{lens_table(lens, labels, name)}\n\n{COLUMNS}"
    return f"{lens_detail(lens, labels, name, options.position)}\n\n{DETAIL}"


def _checked_top(options: argparse.Namespace, vocab_size: int) -> int:
    """Give how many tokens to name; refuse what would be passed over."""
    if options.position is not None and options.out is not None:
        raise LayersError(
            "--position is for the table, and the page of --out shows every position: leave one of them out"
        )
    if options.top is None:
        return min(TOP, vocab_size)
    if not 1 <= options.top <= vocab_size:
        raise LayersError(
            f"--top must be between 1 and {vocab_size}, the size of the vocabulary, but was {options.top}"
        )
    if options.position is None and options.out is None:
        raise LayersError(
            "--top needs --position or --out, because the table of all positions has room for one token a layer: "
            "give one of them, or leave --top out"
        )
    return int(options.top)
