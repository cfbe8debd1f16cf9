"""`llm-layers lens`: what a model would say if it had to answer after each layer."""

import argparse
from pathlib import Path

from llm_layers.commands.sources import read_model
from llm_layers.commands.stages import Stages
from llm_layers.commands.text_options import add_text_arguments, check_out, namer, read_text, whole, written
from llm_layers.errors import LayersError
from llm_layers.inspection.lens import logit_lens
from llm_layers.inspection.lens_page import lens_page
from llm_layers.inspection.table import lens_detail, lens_table
from llm_layers.storage import load_config

SUMMARY = "what a model would say next if it had to answer after each layer"
EXAMPLES = """examples:
  llm-layers lens runs/tale/model --text "The cat sat on the"                  a table
  llm-layers lens runs/tale/model --text "The cat sat on the" --position 3     one position in every layer
  llm-layers lens runs/tale/model --text "The cat sat on the" --out lens.html"""
COLUMNS = (
    "Each cell: the token that the model would name as the next if it stopped after this layer, and its probability.\n"
    "true next: the token that follows in the text, and its probability at the end; rank 1: no token is likelier."
)
DETAIL = (
    "A row is what the model would answer if it stopped there: its likeliest next tokens with their probabilities;\n"
    "true next: the probability of the token that follows in the text; rank 1: no token is likelier."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a .gguf file")
    add_text_arguments(parser)
    parser.add_argument("--top", type=whole, default=5, help="how many tokens to name (default 5)")
    parser.add_argument("--position", type=whole, help="only this position, in every layer")
    parser.add_argument("--out", type=Path, help="an .html file to write")


def run(options: argparse.Namespace, stages: Stages) -> str:
    """Give a table, or write the page."""
    check_out(options.out, ".html")
    if options.top < 1:
        raise LayersError(f"--top must be at least 1, but was {options.top}")
    config = load_config(options.model)
    ids, labels = read_text(options, options.model, config)
    if options.position is not None and options.position >= len(labels):
        raise LayersError(f"--position must be at most {len(labels) - 1}, the last token, but was {options.position}")
    model = read_model(options.model, config, stages)
    stages(f"running a text of {len(labels)} tokens")
    lens = logit_lens(model, ids, top=options.top)
    name = namer(options.model)
    if options.out is not None:
        return written(lens_page(lens, labels, name, title=f"Logit lens of {options.model}"), options.out)
    if options.position is None:
        return f"{lens_table(lens, labels, name)}\n\n{COLUMNS}"
    return f"{lens_detail(lens, labels, name, options.position)}\n\n{DETAIL}"
