"""`llm-layers predict`: what a model of this shape costs, before anything is run."""

import argparse

from llm_layers.commands.sources import in_words
from llm_layers.commands.stages import Stages
from llm_layers.formats.huggingface.storage import load_config
from llm_layers.inspection.costs import (
    activation_bytes,
    active_parameter_count,
    cache_bytes,
    forward_flops_per_token,
    max_decode_tokens_per_second,
    parameter_count,
    training_flops_per_token,
    training_state_bytes,
    weight_bytes,
)
from llm_layers.kernels.presets import EAGER, FUSED

SUMMARY = "parameters, operations, memory and the fastest possible decoding, from the shape alone"
EXAMPLES = """examples:
  llm-layers predict runs/tale/model
  llm-layers predict runs/tale/model --batch 16 --positions 512 --kernel fused
  llm-layers predict runs/tale/model --bandwidth 900 --bytes 2      a card with 900 GB/s, bfloat16 weights"""
KERNELS = {"clear": EAGER, "fused": FUSED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a GGUF file; no weights are read")
    parser.add_argument("--batch", type=_whole, default=1, help="texts at a time (default 1)")
    parser.add_argument("--positions", type=_whole, help="tokens of a text (default: the whole context)")
    parser.add_argument(
        "--bytes",
        type=_above_zero,
        default=4.0,
        help="bytes of a number when decoding, in the weights and in the cache (default 4)",
    )
    parser.add_argument("--bandwidth", type=_above_zero, default=30.0, help="GB/s of the memory (default 30)")
    parser.add_argument("--kernel", choices=KERNELS, default="clear", help="attention in training (default clear)")


def run(options: argparse.Namespace, stages: Stages) -> str:
    """Give the table."""
    stages("working it out")
    config = load_config(options.model)
    batch, positions, width = options.batch, options.positions or config.context_length, options.bytes
    activations = activation_bytes(config, batch, positions, kernels=KERNELS[options.kernel])
    weights, state = weight_bytes(config), training_state_bytes(config)
    ceiling = max_decode_tokens_per_second(
        config, options.bandwidth * 1e9, positions=positions, batch=batch, bytes_per_element=width
    )
    forward = forward_flops_per_token(config, positions)
    numbers_cached = cache_bytes(config, positions, bytes_per_element=1)
    idle = parameter_count(config) - active_parameter_count(config)
    rows = [
        ("parameters", f"{parameter_count(config):,}"),
        *([("  at work on one token", f"{active_parameter_count(config):,}")] if idle else []),
        ("  without token tables", f"{parameter_count(config, embeddings=False):,}"),
        (
            f"operations a token, forward, at {positions:,} positions",
            in_words(forward),
        ),
        ("  forward and backward", in_words(training_flops_per_token(config, positions))),
        (f"training a batch of {batch} × {positions:,} in float32", _size(weights + state + activations)),
        ("  weights", _size(weights)),
        ("  gradients and AdamW's moments", _size(state)),
        (f"  activations ({options.kernel} attention, with logits)", _size(activations)),
        (f"decoding with {width:g} bytes a number", ""),
        ("  weights", _size(weight_bytes(config, bytes_per_element=width))),
        (
            f"  cache of {batch} × {positions:,}",
            _size(batch * width * numbers_cached),
        ),
        (f"  at most, with {options.bandwidth:g} GB/s", f"{ceiling:,.0f} tokens/s"),
    ]
    return "\n".join(f"{name:<52}{value:>16}" for name, value in rows)


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but was {text!r}")
    return int(text)


def _above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, but was {text!r}")
    return number
