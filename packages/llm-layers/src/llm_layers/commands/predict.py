"""`llm-layers predict`: what a model of this shape costs, before anything is run."""

import argparse

from llm_layers.commands.inputs import in_words
from llm_layers.formats.loading import load_config
from llm_layers.inspection import costs
from llm_layers.kernels import EAGER, FUSED
from llm_tokenizer.commands.progress import Progress

KERNELS = {"eager": EAGER, "fused": FUSED}


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Return the table."""
    progress("computing the costs")
    config = load_config(options.model)
    batch, positions, width = options.batch, options.positions or config.context_length, options.bytes
    activations = costs.activation_bytes(config, batch, positions, kernels=KERNELS[options.kernel])
    weights, state = costs.weight_bytes(config), costs.training_state_bytes(config)
    ceiling = costs.max_decode_tokens_per_second(
        config, options.bandwidth * 1e9, positions=positions, batch=batch, bytes_per_element=width
    )
    forward = costs.forward_flops_per_token(config, positions)
    elements = costs.cache_bytes(config, positions, bytes_per_element=1)
    idle = costs.parameter_count(config) - costs.active_parameter_count(config)
    rows = [
        ("parameters", f"{costs.parameter_count(config):,}"),
        *([("  active for one token", f"{costs.active_parameter_count(config):,}")] if idle else []),
        ("  without token tables", f"{costs.parameter_count(config, embeddings=False):,}"),
        (f"FLOPs per token, forward, at {positions:,} positions", in_words(forward)),
        ("  forward and backward", in_words(costs.training_flops_per_token(config, positions))),
        (f"training a batch of {batch} × {positions:,} in float32", _size(weights + state + activations)),
        ("  weights", _size(weights)),
        ("  gradients and AdamW's moments", _size(state)),
        (f"  activations ({options.kernel} attention, with logits)", _size(activations)),
        (f"decoding at {width:g} bytes/element", ""),
        ("  weights", _size(costs.weight_bytes(config, bytes_per_element=width))),
        (f"  cache of {batch} × {positions:,}", _size(batch * width * elements)),
        (f"  at most, with {options.bandwidth:g} GB/s", f"{ceiling:,.0f} tokens/s"),
    ]
    return "\n".join(f"{name:<52}{value:>16}" for name, value in rows)


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"
