"""`llm-layers statistics`: how large the numbers in a model are, forward and backward, and what looks ill."""

import argparse
from pathlib import Path

from llm_layers.commands.sources import read_model
from llm_layers.commands.stages import Stages
from llm_layers.commands.text_options import add_text_arguments, check_out, check_two, read_text, written
from llm_layers.formats.huggingface.storage import load_config
from llm_layers.inspection.issues import find_issues
from llm_layers.inspection.picture import statistics_picture
from llm_layers.inspection.statistics import layer_statistics
from llm_layers.inspection.table import statistics_table

SUMMARY = "how large outputs and gradients are, layer by layer, and what looks ill"
EXAMPLES = """examples:
  llm-layers statistics runs/tale/model --text "The cat sat on the mat"
  llm-layers statistics runs/tale/model --text "The cat sat on the mat" --all --out sizes.svg"""
COLUMNS = (
    "rms: root of the mean square, the usual size of a number; largest: the largest size; zeros: the share that is\n"
    "exactly 0; not finite: the share that is infinite or NaN. A gradient says how much the loss changes with a\n"
    "number. Zeros among gradients are usual: the last position has no token to predict, and so moves nothing; in the\n"
    "embedding's gradient the row of a token that is not in the text stays zero, unless the table is the head too."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a .gguf file")
    add_text_arguments(parser)
    parser.add_argument("--all", action="store_true", help="every tensor, not only the stream and the branches")
    parser.add_argument("--out", type=Path, help="an .svg file to write, besides the table")


def run(options: argparse.Namespace, stages: Stages) -> str:
    """Give the table, and write the picture."""
    check_out(options.out, ".svg")
    config = load_config(options.model)
    ids, labels = read_text(options, options.model, config)
    check_two(labels)
    model = read_model(options.model, config, stages)
    stages(f"running a text of {len(labels)} tokens forward and backward, and measuring every tensor")
    measured = layer_statistics(model, ids)
    found = find_issues(measured)
    table = f"{statistics_table(measured, found, everything=options.all)}\n\n{COLUMNS}"
    if options.out is None:
        return table
    return f"{table}\n{written(statistics_picture(measured, found), options.out)}"
