"""`llm-layers statistics`: how large the numbers in a model are, forward and backward, and what looks ill."""

import argparse
from pathlib import Path

from llm_layers.commands.text_options import add_text_arguments, read_text, written
from llm_layers.errors import LayersError
from llm_layers.inspection.ailments import ailments
from llm_layers.inspection.statistics import layer_statistics
from llm_layers.inspection.statistics_picture import statistics_picture
from llm_layers.inspection.table import statistics_table
from llm_layers.storage import load_model

SUMMARY = "how large outputs and gradients are, layer by layer, and what looks ill"
EXAMPLES = """examples:
  llm-layers statistics runs/tale/model --text "The cat sat on the mat"
  llm-layers statistics runs/tale/model --text "The cat sat on the mat" --all --out sizes.svg"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a .gguf file")
    add_text_arguments(parser)
    parser.add_argument("--all", action="store_true", help="every tensor, not only the stream and the branches")
    parser.add_argument("--out", type=Path, help="an .svg file to write, besides the table")


def run(options: argparse.Namespace) -> str:
    """Give the table, and write the picture."""
    if options.out is not None and options.out.suffix != ".svg":
        raise LayersError(f"--out must end in .svg, but was '{options.out}'")
    model = load_model(options.model)
    ids, _ = read_text(options, options.model, model.config)
    measured = layer_statistics(model, ids)
    found = ailments(measured)
    table = statistics_table(measured, found, everything=options.all)
    if options.out is None:
        return table
    return f"{table}\n{written(statistics_picture(measured, found), options.out)}"
