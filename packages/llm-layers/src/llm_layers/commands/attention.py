"""`llm-layers attention`: what each head attends to in a text."""

import argparse
from pathlib import Path

from llm_layers.commands.inputs import read_model, read_text
from llm_layers.commands.outputs import check_out, write_page
from llm_layers.config import ModelConfig
from llm_layers.formats.loading import load_config
from llm_layers.inspection.maps import attention_maps
from llm_layers.inspection.picture import attention_picture, write_picture
from llm_layers.inspection.table import aligned, percent
from llm_layers.inspection.web_page import attention_page
from llm_layers.interface import LayersError
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.commands.wording import quantity

COLUMNS = (
    "Attention weights of a head, averaged over the positions: on the position itself, on the one before it, on the\n"
    "first of the text; then the effective number of positions, exp of the entropy of the weights.\n"
    "The three overlap: at position 0 the first is the position itself, at position 1 it is the one before."
)


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Write the file, or return a table: where each position attends most."""
    check_out(options.out, ".html", ".svg", ".png")
    config = load_config(options.model)
    _check_choice(config, options.layer, options.head)
    ids, labels = read_text(options, options.model, config)
    model = read_model(options.model, config, progress)
    progress(f"running a text of {quantity(len(labels), 'token')}")
    maps = attention_maps(model, ids)
    if options.out is None:
        return _table(maps, labels, options.layer, options.head)
    file: Path = options.out
    if file.suffix.lower() == ".html":
        title = f"Attention of {options.model}"
        write_page(attention_page(maps, labels, title=title, layer=options.layer or 0, head=options.head or 0), file)
    else:
        write_picture(attention_picture(maps, labels, layer=options.layer, head=options.head), file)
    return f"written: {file}"


def _check_choice(config: ModelConfig, layer: int | None, head: int | None) -> None:
    for name, chosen, count in (("layer", layer, config.layers), ("head", head, config.heads)):
        if chosen is not None and chosen >= count:
            raise LayersError(f"--{name} must be between 0 and {count - 1}, the last, but was {chosen}")


def _table(maps: list, labels: list[str], layer: int | None, head: int | None) -> str:  # type: ignore[type-arg]
    rows = [["layer", "head", "itself", "one before", "the first", "effective positions"]]
    for number, heads in enumerate(maps):
        for which, one in enumerate(heads):
            if (layer is None or number == layer) and (head is None or which == head):
                itself, before = one.diagonal().mean(), one.diagonal(-1).mean() if len(one) > 1 else one.new_zeros(())
                spread = (-(one * one.clamp(min=1e-12).log()).sum(-1)).exp().mean()
                shown = [percent(float(weight)).strip() for weight in (itself, before, one[:, 0].mean())]
                rows.append([str(number), str(which), *shown, f"{spread:.1f}"])
    return f"{quantity(len(labels), 'token')}: {' | '.join(labels)}\n{aligned(rows)}\n\n{COLUMNS}"
