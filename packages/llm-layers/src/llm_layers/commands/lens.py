"""`llm-layers lens`: what a model would say if it had to answer after each layer."""

import argparse
from pathlib import Path

from llm_layers.commands.text_options import add_text_arguments, namer, read_text, whole, written
from llm_layers.errors import LayersError
from llm_layers.inspection.lens import logit_lens
from llm_layers.inspection.lens_page import lens_page
from llm_layers.inspection.table import lens_detail, lens_table
from llm_layers.storage import load_model

SUMMARY = "what a model would say next if it had to answer after each layer"
EXAMPLES = """examples:
  llm-layers lens runs/tale/model --text "The cat sat on the"                  a table
  llm-layers lens runs/tale/model --text "The cat sat on the" --position 3     one position in every layer
  llm-layers lens runs/tale/model --text "The cat sat on the" --out lens.html"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a .gguf file")
    add_text_arguments(parser)
    parser.add_argument("--top", type=whole, default=5, help="how many tokens to name (default 5)")
    parser.add_argument("--position", type=whole, help="only this position, in every layer")
    parser.add_argument("--out", type=Path, help="an .html file to write")


def run(options: argparse.Namespace) -> str:
    """Give a table, or write the page."""
    model = load_model(options.model)
    ids, labels = read_text(options, options.model, model.config)
    lens = logit_lens(model, ids, top=options.top)
    name = namer(options.model)
    if options.out is not None:
        if options.out.suffix != ".html":
            raise LayersError(f"--out must end in .html, but was '{options.out}'")
        return written(lens_page(lens, labels, name, title=f"Logit lens of {options.model}"), options.out)
    if options.position is None:
        return lens_table(lens, labels, name)
    if options.position >= len(labels):
        raise LayersError(f"--position must be at most {len(labels) - 1}, the last token, but was {options.position}")
    return lens_detail(lens, labels, name, options.position)
