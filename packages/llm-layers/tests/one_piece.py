"""Give a model to torch's compiler in one piece: `python one_piece.py`, a process without run-time type checks.

The compiler cannot read what the type checks wrap around every function, so a test starts this file instead.
"""

import torch

from conftest import make_config, make_model
from llm_layers import EAGER, FUSED, Kernels, linear_cross_entropy_sum
from llm_layers.config import GEMMA3, GPT2, QWEN3, Design


def check(design: Design, kernels: Kernels) -> None:
    """A training step's sums and all gradients, plain and through all of the compiler's work but the machine code.

    It has all that a step may have: documents, dropout by keys, weights of the targets.
    """
    tokens = torch.randint(0, 23, (3, 17), generator=torch.Generator().manual_seed(1))
    documents = (torch.arange(17) >= 7).long().expand(3, -1)
    keys, weights = torch.tensor([5, -6, 2**40]), torch.linspace(-1.0, 2.0, 51).reshape(3, 17)
    model = make_model(make_config(design=design), kernels=kernels, dropout=0.2).double()

    def loss() -> tuple[torch.Tensor, torch.Tensor]:
        states = model.hidden(tokens, documents=documents, row_keys=keys)
        return linear_cross_entropy_sum(states, model.head_weight, tokens, weights)

    found = []
    for step in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
        total, count = step()
        found.append((total, count, *torch.autograd.grad(total, list(model.parameters()))))
    for clear, joined in zip(*found, strict=True):
        torch.testing.assert_close(joined, clear, rtol=1e-9, atol=1e-11)
    print(design.family)


if __name__ == "__main__":
    for design, kernels in ((GPT2, EAGER), (QWEN3, FUSED), (GEMMA3, EAGER)):
        check(design, kernels)
