"""Give a model to torch's compiler in one piece: `python one_piece.py`, a process without run-time type checks.

The compiler cannot read what the type checks wrap around every function, so a test starts this file instead.
"""

import torch

from conftest import make_config, make_model
from llm_layers import cross_entropy
from llm_layers.config import GEMMA3, GPT2, QWEN3, Design


def check(design: Design) -> None:
    """Logits' loss and all gradients, clear plain and through all of the compiler's work but the machine code."""
    tokens = torch.randint(0, 23, (3, 17), generator=torch.Generator().manual_seed(1))
    found = []
    for compiled in (False, True):
        model = make_model(make_config(design=design)).double()
        if compiled:
            model.compile(fullgraph=True, backend="aot_eager")
        loss = cross_entropy(model(tokens), tokens)
        found.append((loss, *torch.autograd.grad(loss, list(model.parameters()))))
    for clear, joined in zip(*found, strict=True):
        torch.testing.assert_close(joined, clear, rtol=1e-9, atol=1e-11)
    print(design.family)


if __name__ == "__main__":
    for design in (GPT2, QWEN3, GEMMA3):
        check(design)
