"""`llm-layers attention`: what each head looks at in a text."""

import argparse
from pathlib import Path

from llm_layers.commands.sources import read_model
from llm_layers.commands.stages import Stages
from llm_layers.commands.text_options import add_text_arguments, check_out, read_text, whole, written
from llm_layers.config import ModelConfig
from llm_layers.formats.huggingface.storage import load_config
from llm_layers.inspection.maps import attention_maps
from llm_layers.inspection.picture import attention_bitmap, attention_picture
from llm_layers.inspection.table import aligned, percent
from llm_layers.inspection.web_page import attention_page
from llm_layers.interface import LayersError

SUMMARY = "what each head looks at in a text, as a page, a picture or a table"
EXAMPLES = """examples:
  llm-layers attention runs/tale/model --text "The cat sat on the mat" --out maps.html    choose heads by a click
  llm-layers attention runs/tale/model --text "The cat sat" --layer 2 --head 1 --out head.svg
  llm-layers attention runs/tale/model --text "The cat sat" --layer 2                     a table"""
COLUMNS = (
    "Shares of a head's attention, averaged over the positions: on the position itself, on the one before it, on the\n"
    "first of the text; then over how many positions the attention is spread, as if it were shared out evenly.\n"
    "The three shares overlap: at position 0 the first is the position itself, at position 1 it is the one before."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a .gguf file")
    add_text_arguments(parser)
    parser.add_argument("--layer", type=whole, help="only this block, from 0")
    parser.add_argument("--head", type=whole, help="only this head, from 0")
    parser.add_argument("--out", type=Path, help="a file to write: .html, .svg or .png")


def run(options: argparse.Namespace, stages: Stages) -> str:
    """Write the file, or give a table: where each position looks most."""
    check_out(options.out, ".html", ".svg", ".png")
    config = load_config(options.model)
    _check_choice(config, options.layer, options.head)
    ids, labels = read_text(options, options.model, config)
    model = read_model(options.model, config, stages)
    stages(f"running a text of {len(labels)} tokens")
    maps = attention_maps(model, ids)
    if options.out is None:
        return _table(maps, labels, options.layer, options.head)
    file: Path = options.out
    if file.suffix == ".html":
        shown = attention_page(
            maps, labels, title=f"Attention of {options.model}", layer=options.layer or 0, head=options.head or 0
        )
        return written(shown, file)
    if file.suffix == ".svg":
        return written(attention_picture(maps, labels, layer=options.layer, head=options.head), file)
    attention_bitmap(file, maps, labels, layer=options.layer, head=options.head)
    return f"written: {file}"


def _check_choice(config: ModelConfig, layer: int | None, head: int | None) -> None:
    for name, chosen, count in (("layer", layer, config.layers), ("head", head, config.heads)):
        if chosen is not None and chosen >= count:
            raise LayersError(f"--{name} must be between 0 and {count - 1}, the last, but was {chosen}")


def _table(maps: list, labels: list[str], layer: int | None, head: int | None) -> str:  # type: ignore[type-arg]
    rows = [["layer", "head", "looks at itself", "one before", "the first", "positions that share it"]]
    for number, shares in enumerate(maps):
        for which, one in enumerate(shares):
            if (layer is None or number == layer) and (head is None or which == head):
                itself, before = one.diagonal().mean(), one.diagonal(-1).mean() if len(one) > 1 else one.new_zeros(())
                # e to the entropy: over how many positions an even attention would spread as far
                spread = (-(one * one.clamp(min=1e-12).log()).sum(-1)).exp().mean()
                shown = [percent(float(share)).strip() for share in (itself, before, one[:, 0].mean())]
                rows.append([str(number), str(which), *shown, f"{spread:.1f}"])
    return f"{len(labels)} tokens: {' | '.join(labels)}\n{aligned(rows)}\n\n{COLUMNS}"
