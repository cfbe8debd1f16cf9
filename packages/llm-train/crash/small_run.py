"""A run small enough to be killed twenty times: its recipe, and a text that looks like a play."""

import random

RECIPE = """\
name = "small"

[data]
corpus = "given on the command line"

[tokenizer]
vocab_size = 1000

[model]
d_model = 32
layers = 2
heads = 2
kv_heads = 1
d_head = 16
d_ff = 48
context_length = 32

[training]
steps = 80
batch = 8

[compute]
precision = "float32"
compile = "no"

[report]
validations = 5
validation_windows = 16
samples = 3
sample_tokens = 20
checkpoints = 20
"""

SYLLABLES = ("an", "be", "co", "di", "el", "fo", "gu", "ha", "in", "ju", "ka", "lo", "my", "no", "or", "pe", "qui")


def corpus(seed: int = 0, speeches: int = 3000) -> str:
    """Return a text made here, so that nothing has to be there; its words are many, so that preparing it takes time."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(3000)]
    lines: list[str] = []
    for _ in range(speeches):
        lines.append(draw.choice(["ROMEO:", "JULIET:", "NURSE:"]))
        lines += [" ".join(draw.choices(words, k=7)).capitalize() + "." for _ in range(draw.randint(1, 3))]
        lines.append("")
    return "\n".join(lines)
