"""`llm-layers lens`: what a model would predict if it stopped after each layer."""

import argparse

from llm_layers.commands.inputs import labeler, read_model, read_text
from llm_layers.commands.outputs import check_out, write_page
from llm_layers.formats.loading import load_config
from llm_layers.inspection.lens import logit_lens
from llm_layers.inspection.table import lens_detail, lens_table
from llm_layers.inspection.web_page import lens_page
from llm_layers.interface import LayersError
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.commands.wording import quantity

TOP = 5
COLUMNS = (
    "Each cell: the token that the model would predict next if it stopped after this layer, and its probability;\n"
    "of equally likely ones that with the lower id. true next: the token that follows in the text, and its\n"
    "probability at the end; rank 1: no token is likelier."
)
DETAIL = (
    "A row is what the model would predict if it stopped there: its likeliest next tokens with their probabilities,\n"
    "of equally likely ones the lower id first; true next: the probability of the token that follows in the text;\n"
    "rank 1: no token is likelier."
)


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Return a table, or write the page."""
    check_out(options.out, ".html")
    config = load_config(options.model)
    top = _checked_top(options, config.vocab_size)
    ids, labels = read_text(options, options.model, config)
    if options.position is not None and options.position >= len(labels):
        raise LayersError(f"--position must be at most {len(labels) - 1}, the last token, but was {options.position}")
    model = read_model(options.model, config, progress)
    progress(f"running a text of {quantity(len(labels), 'token')}")
    lens = logit_lens(model, ids, top=top)
    name = labeler(options.model)
    if options.out is not None:
        write_page(lens_page(lens, labels, name, title=f"Logit lens of {options.model}"), options.out)
        return f"written: {options.out}"
    if options.position is None:
        return f"{lens_table(lens, labels, name)}\n\n{COLUMNS}"
    return f"{lens_detail(lens, labels, name, options.position)}\n\n{DETAIL}"


def _checked_top(options: argparse.Namespace, vocab_size: int) -> int:
    """Return how many tokens to name; refuse what would have no effect."""
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
            "add one of them, or leave --top out"
        )
    return int(options.top)
