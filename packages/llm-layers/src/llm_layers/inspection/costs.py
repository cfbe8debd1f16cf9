"""What a model of a given shape costs, computed from its config alone: parameters, FLOPs, bytes."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.autograd.graph import saved_tensors_hooks

from llm_layers.config import ModelConfig
from llm_layers.interface import LayersError
from llm_layers.kernels import EAGER, Kernels
from llm_layers.layers.loss import cross_entropy
from llm_layers.model import Decoder

MARKS = (3, 5, 7, 11, 13, 17, 19, 23)
"""Sizes of the axes of a model that is only run to see what it keeps: odd primes, which a size tells apart."""


def parameter_count(config: ModelConfig, *, embeddings: bool = True) -> int:
    """Count the parameters exactly; without the token tables if so asked."""
    return _body(config, active=False) + (_tables(config) if embeddings else 0)


def active_parameter_count(config: ModelConfig, *, embeddings: bool = True) -> int:
    """Count the parameters that are active for one token: all but those of experts that are not chosen."""
    return _body(config, active=True) + (_tables(config) if embeddings else 0)


def forward_flops_per_token(config: ModelConfig, positions: int) -> int:
    """Count the multiplications and additions of the matrix products for one token of a text of `positions`.

    Every weight of a matrix is used once per token, as one multiplication and one addition. Scores and gathered values
    add 4 · heads · d_head per position seen, in a block with a window at most the window; otherwise attention is
    counted whole, hidden half included, as is the custom.
    """
    matrices = config.layers * (_attention(config) + _feed_forward(config, active=True))
    matrices += config.vocab_size * config.d_model
    windows = [config.window_of(layer) for layer in range(config.layers)]
    seen = sum(positions if window is None else min(positions, window) for window in windows)
    return 2 * matrices + 4 * config.heads * config.d_head * seen


def training_flops_per_token(config: ModelConfig, positions: int) -> int:
    """Count forward and backward: the backward pass makes two products for each one of the forward pass."""
    return 3 * forward_flops_per_token(config, positions)


def cache_bytes(config: ModelConfig, positions: int, *, bytes_per_element: int = 4) -> int:
    """Count the bytes of the keys and values that later tokens need of one text of `positions`.

    A block with a window of w needs the last w - 1 of them: the next token is the w-th that it sees.
    """
    windows = [config.window_of(layer) for layer in range(config.layers)]
    kept = sum(positions if window is None else min(positions, window - 1) for window in windows)
    return 2 * kept * config.kv_heads * config.d_head * bytes_per_element


def weight_bytes(config: ModelConfig, *, bytes_per_element: float = 4) -> int:
    """Count the bytes of the weights: 4 each in float32, 2 in bfloat16, about 1.1 in int8 and 0.6 in int4 in groups."""
    return round(parameter_count(config) * bytes_per_element)


def training_state_bytes(config: ModelConfig, *, bytes_per_element: int = 4) -> int:
    """Count the bytes that AdamW training holds besides the weights: a gradient and two moments for each."""
    return 3 * parameter_count(config) * bytes_per_element


def activation_bytes(config: ModelConfig, batch: int, positions: int, *, kernels: Kernels = EAGER) -> int:
    """Count the bytes that a training step in float32 keeps between the forward and the backward pass.

    Why it works:
        What a step saves follows from the axes of its tensors, not from the numbers in them. So a small model of the
        same design and depth takes the step, and each of its axes has a prime number of its own as size. The prime
        factors of a saved tensor's size say which axes it has; each is then given its true size. It takes neither
        memory nor time, whatever the shape.

    Which experts a token will choose cannot be known without numbers: a mixture is counted as one part as wide as those
    chosen, and what the sorting of tokens by expert keeps is added (each token's vector and output once per chosen
    expert).

    Args:
        config: the shape.
        batch: texts per step.
        positions: tokens per text.
        kernels: `EAGER`, or `FUSED`, which does not keep the scores. What `FAST` does depends on
            the numbers in the mask: `saved_bytes` measures it with a real forward pass.

    Raises:
        LayersError: when batch is not at least 1, or the positions do not fit into the context.
    """
    if batch < 1 or not 1 <= positions <= config.context_length:
        raise LayersError(
            f"batch must be at least 1 and positions between 1 and {config.context_length}, the context of the model, "
            f"but they were {batch} and {positions}"
        )
    sorting, experts = 0, config.experts
    if experts is not None:
        config = replace(config, experts=None, d_ff=experts.per_token * experts.d_expert)
        kept = 3 * experts.per_token * config.d_model + 2 * experts.count  # x, output, weighted output; router
        sorting = config.layers * batch * positions * kept * 4
    pair = 2 if config.design.positions == "rotary" else 1  # there half a head is what can be prime
    heads = (config.kv_heads, config.heads // config.kv_heads, config.d_head // pair)
    sizes = (batch, positions, config.d_model, *heads, config.d_ff, config.vocab_size)
    # An axis of one entry stays so: it is broadcast, and copies are not made that others would need.
    marks = [mark if size > 1 else 1 for mark, size in zip(MARKS, sizes, strict=True)]
    texts, length, d_model, kv_heads, group, half, d_ff, vocab = marks
    tiny = replace(config, d_model=d_model, heads=kv_heads * group, kv_heads=kv_heads, d_head=half * pair, d_ff=d_ff)
    tiny = replace(tiny, vocab_size=vocab, context_length=length, rope_scaling=None)
    model = Decoder(tiny, kernels=kernels, generator=torch.Generator())
    saved = _saved(model, torch.zeros(texts, length, dtype=torch.long))
    return sorting + sum(_at_true_sizes(count, marks, sizes) for count in saved)


def _at_true_sizes(count: int, marks: Sequence[int], sizes: Sequence[int]) -> int:
    """Turn a number of bytes with marked axes into that with the true sizes."""
    true = 1
    for mark, size in zip(marks, sizes, strict=True):
        while mark > 1 and count % mark == 0:
            true, count = true * size, count // mark
    assert count & (count - 1) == 0, "what is left must be bytes of a number and halves: else an axis has no mark"
    return true * count


def saved_bytes(model: Decoder, tokens: torch.Tensor) -> int:
    """Count what the forward pass of a training step saves for the backward pass, weights left out."""
    return sum(_saved(model, tokens))


def _saved(model: Decoder, tokens: torch.Tensor) -> list[int]:
    """The bytes of each piece of memory that is saved."""
    weights = {weight.untyped_storage()._cdata for weight in model.parameters()}
    pieces: dict[int, torch.UntypedStorage] = {}  # held, so that no address is used twice

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            pieces[storage._cdata] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = cross_entropy(model(tokens), tokens)
    del loss
    return [storage.nbytes() for storage in pieces.values()]


def max_decode_tokens_per_second(
    config: ModelConfig, bandwidth: float, *, positions: int = 0, batch: int = 1, bytes_per_element: float = 4
) -> float:
    """Compute the most tokens per second that a memory bandwidth allows when texts are continued token by token.

    Formula: batch · bandwidth / (bytes of the weights at work + batch · bytes of the cache)

    Why it works:
        A new token needs every weight at work once, and next to no arithmetic for each: reading them is what takes
        the time. Several texts at once share one reading. Of the embedding table one row is read, unless it is the
        head too.

    Args:
        config: the shape; of a mixture of experts only the chosen ones count, as if all texts chose alike.
        bandwidth: bytes per second that the memory gives.
        positions: tokens that are already in the cache.
        batch: texts that are continued together.
        bytes_per_element: of weights and cache.
    """
    if bandwidth <= 0 or batch < 1:
        raise LayersError(f"bandwidth must be above 0 and batch at least 1, but they were {bandwidth} and {batch}")
    head = config.vocab_size * config.d_model
    learned = config.context_length * config.d_model if config.design.positions == "learned" else 0
    weights = (active_parameter_count(config, embeddings=False) - learned + head) * bytes_per_element
    cache = cache_bytes(config, positions, bytes_per_element=1) * bytes_per_element
    return batch * bandwidth / (weights + batch * cache)


def _body(config: ModelConfig, *, active: bool) -> int:
    """Everything between the token tables; of the experts all, or those that are active for one token."""
    design, width = config.design, _norm(config, config.d_model)
    norms = width * (4 if design.placement == "around" else 2)
    if design.query_key_norm == "head":
        norms += 2 * _norm(config, config.d_head)
    elif design.query_key_norm == "width":
        norms += _norm(config, config.heads * config.d_head) + _norm(config, config.kv_heads * config.d_head)
    biases = 0
    if design.biases != "none":
        biases += (config.heads + 2 * config.kv_heads) * config.d_head
    if design.biases == "all":
        gated = design.feed_forward in ("swiglu", "geglu")
        biases += config.d_model + (2 if gated else 1) * config.d_ff + config.d_model
    block = _attention(config) + _feed_forward(config, active=active) + norms + biases
    learned = config.context_length * config.d_model if design.positions == "learned" else 0
    return config.layers * block + width + learned


def _attention(config: ModelConfig) -> int:
    return config.d_model * config.d_head * 2 * (config.heads + config.kv_heads)


def _feed_forward(config: ModelConfig, *, active: bool) -> int:
    experts = config.experts
    if experts is not None:
        used = experts.per_token if active else experts.count
        return config.d_model * (experts.count + 3 * used * experts.d_expert)  # router, then experts
    gated = config.design.feed_forward in ("swiglu", "geglu")
    return (3 if gated else 2) * config.d_model * config.d_ff


def _norm(config: ModelConfig, width: int) -> int:
    return 2 * width if config.design.norm == "layer" else width  # LayerNorm has a bias too


def _tables(config: ModelConfig) -> int:
    return (1 if config.tied_embeddings else 2) * config.vocab_size * config.d_model
