"""`llm-layers statistics`: how large the values in a model are, forward and backward, with warnings."""

import argparse

from llm_layers.commands.inputs import read_model, read_text
from llm_layers.commands.outputs import check_out
from llm_layers.formats.loading import load_config
from llm_layers.inspection.issues import find_issues
from llm_layers.inspection.picture import statistics_picture, write_picture
from llm_layers.inspection.recording import check_text
from llm_layers.inspection.statistics import layer_statistics
from llm_layers.inspection.table import statistics_table
from llm_tokenizer.commands.progress import Progress

COLUMNS = (
    "rms: root of the mean square, the usual size of a value; largest: the largest size; zeros: the fraction that is\n"
    "exactly 0; not finite: the fraction that is infinite or NaN. A gradient shows how much the loss changes with a\n"
    "value. Zeros among gradients are usual: the last position has no token to predict, so it has no effect; in the\n"
    "embedding's gradient the row of a token that is not in the text stays zero, unless the table is the head too."
)


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Return the table, and write the picture."""
    check_out(options.out, ".svg", ".png")
    config = load_config(options.model)
    ids, labels = read_text(options, options.model, config)
    check_text(ids, 2)
    model = read_model(options.model, config, progress)
    progress(f"running a text of {len(labels)} tokens forward and backward, and measuring every tensor")
    measured = layer_statistics(model, ids)
    found = find_issues(measured)
    table = f"{statistics_table(measured, found, everything=options.all)}\n\n{COLUMNS}"
    if options.out is None:
        return table
    write_picture(statistics_picture(measured, found), options.out)
    return f"{table}\nwritten: {options.out}"
