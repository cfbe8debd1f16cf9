"""The transformer block in NumPy: the parts put together, forward and back."""

from llm_layers.reference.arrays import Array
from llm_layers.reference.feed_forward import swiglu
from llm_layers.reference.mask import causal_mask
from llm_layers.reference.multi_head_attention import grouped_query_attention, merge_heads, split_heads
from llm_layers.reference.norm import rms_norm
from llm_layers.reference.rotary import rotary
from llm_layers.reference.tape import Tape


def block(
    x: Array, positions: Array, attention_norm: Array, query: Array, key: Array, value: Array, query_norm: Array,
    key_norm: Array, output: Array, feed_forward_norm: Array, gate: Array, up: Array, down: Array,
    heads: int, kv_heads: int, rope_base: float, eps: float, tape: Tape | None = None,
) -> Array:  # fmt: skip
    """Compute y = h + swiglu(norm(h))  with h = x + attention(norm(x)) outputᵀ; a `tape` remembers the steps."""
    tape = tape or Tape()
    normed = tape.run(rms_norm, (x, attention_norm), eps)
    parts = []
    for weight, gain, count in ((value, None, kv_heads), (key, key_norm, kv_heads), (query, query_norm, heads)):
        part = tape.run(split_heads, (tape.linear(normed, weight),), count)
        if gain is not None:  # values are neither normalized nor rotated
            part = tape.run(rotary, (tape.run(rms_norm, (part, gain), eps),), positions, rope_base)
        parts.append(part)
    mask = causal_mask(positions, positions)
    y = tape.run(grouped_query_attention, tuple(reversed(parts)), mask)
    h = tape.add(x, tape.linear(tape.run(merge_heads, (y,)), output))
    return tape.add(h, tape.run(swiglu, (tape.run(rms_norm, (h, feed_forward_norm), eps), gate, up, down)))


def block_backward(
    dy: Array, x: Array, positions: Array, attention_norm: Array, query: Array, key: Array, value: Array,
    query_norm: Array, key_norm: Array, output: Array, feed_forward_norm: Array, gate: Array, up: Array, down: Array,
    heads: int, kv_heads: int, rope_base: float, eps: float,
) -> tuple[Array, ...]:  # fmt: skip
    """Gradients of x and of all eleven weights, in the order of the arguments: those of the steps (`Tape`).

    Only two rules join the parts:

    - A sum passes its gradient to both terms. With y = h + f(h):  dh = dy + (what f's backward gives), and likewise
      for h = x + g(x). This is why a gradient reaches the bottom of a deep stack undimmed.
    - What is read by several parts, as the normed vectors by query, key and value, gets the sum of their gradients.
    """
    tape = Tape()
    weights = attention_norm, query, key, value, query_norm, key_norm, output, feed_forward_norm, gate, up, down
    parts = [part.view() for part in (x, *weights)]  # two arguments may be one array: the tape needs two
    y = block(parts[0], positions, *parts[1:], heads, kv_heads, rope_base, eps, tape)  # type: ignore[call-arg]
    return tuple(tape.gradients(dy, y, parts))
