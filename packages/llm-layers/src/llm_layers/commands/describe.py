"""`llm-layers describe`: every part of a model with its shape and its size."""

import argparse

from torch import nn

from llm_layers.commands.inputs import read_model, stored_types
from llm_layers.config import CHOICES, ModelConfig
from llm_layers.formats.loading import load_config
from llm_layers.inspection.costs import cache_bytes, parameter_count, training_flops_per_token
from llm_tokenizer.commands.progress import Progress


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Return the model as a tree with shapes and parameter counts."""
    model = read_model(options.model, load_config(options.model), progress)
    config = model.config
    stored = stored_types(options.model, model.embedding.table.dtype)
    dtype = str(model.embedding.table.dtype).removeprefix("torch.")
    context = config.context_length
    lines = [
        f"{options.model}: {parameter_count(config):,} parameters in {dtype}, "
        f"{parameter_count(config, embeddings=False):,} without token tables",
        *([stored] if stored else []),
        *_rows(model, "  "),
        f"head: {'the embedding table (tied)' if model.head is None else 'a separate weight'}",
        *_design(config),
        f"context: {context:,} positions; a full cache takes {cache_bytes(config, context) / 2**20:,.1f} MiB (float32)",
        f"training: {training_flops_per_token(config, context) / 1e6:,.1f} million FLOPs per token at full context",
    ]
    return "\n".join(lines)


def _design(config: ModelConfig) -> list[str]:
    choices = [f"{name.replace('_', ' ')} {getattr(config.design, name).replace('_', ' ')}" for name in CHOICES]
    lines = [f"design: {config.design.family or 'an experiment'} ({', '.join(choices)})"]
    if config.window is not None:
        everything = f", but blocks {', '.join(map(str, config.global_layers))} to all" if config.global_layers else ""
        lines.append(f"window: blocks attend to the last {config.window:,} positions{everything}")
    if config.rope_scaling is not None:
        lines.append(f"rotary positions: base {config.rope_base:g}, {config.rope_scaling}")
    return lines


def _rows(module: nn.Module, indent: str) -> list[str]:
    """Return rows of name, shape and size; equal neighbors, as the blocks are, take one entry together."""
    found: list[str] = []
    for name, weight in module.named_parameters(recurse=False):
        found.append(_row(f"{indent}{name}", " × ".join(map(str, weight.shape)), weight.numel()))
    alike: list[str] = []  # names of neighbors with the same rows below
    below: list[str] = []
    children = [(name, child, list(child.parameters())) for name, child in module.named_children()]
    children = [entry for entry in children if entry[2]]  # without parts that this design leaves out
    for place, (name, child, weights) in enumerate(children):
        if len(weights) == 1:  # a part with one weight takes one line
            found.append(_row(f"{indent}{name}", " × ".join(map(str, weights[0].shape)), weights[0].numel()))
            continue
        alike, below = [*alike, name], _rows(child, indent + "  ")
        following = children[place + 1] if place + 1 < len(children) else None
        if following is None or _rows(following[1], indent + "  ") != below or not name.isdigit():
            size = sum(weight.numel() for weight in weights)
            title = name if len(alike) == 1 else f"{alike[0]} … {name}, each"
            found += [_row(f"{indent}{title}", "", size), *below]
            alike = []
    return found


def _row(name: str, shape: str, size: int) -> str:
    return f"{name:<34}{shape:>16}{size:>16,}"
