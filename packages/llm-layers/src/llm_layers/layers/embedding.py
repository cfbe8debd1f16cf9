"""Token embeddings: one row per token id; with tied weights the same table is the output head."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.interface import LayersError
from llm_layers.layers.linear import LinearKernel, linear


def embedding(ids: Int[Tensor, "*batch"], table: Float[Tensor, "vocab d_model"]) -> Float[Tensor, "*batch d_model"]:
    """Look up one row of the table per id.

    Formula: y[i] = table[ids[i]]

    Why it works:
        An id is a name, not a quantity: token 7 is not "more" than token 6. The table gives each name a point in
        space, and training moves the points until tokens that are used alike lie near each other. The lookup equals
        multiplying a one-hot row by the table, so its gradient is simple: each use of a token adds its gradient to
        that token's row, and rows that were not used get exactly zero.

    Args:
        ids: token ids from 0 to vocab - 1, of any shape.
        table: one row per token.

    Returns:
        The rows, in the shape of `ids` with one axis more.

    Raises:
        LayersError: when an id lies outside the table.

    Spec: layers.embedding
    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model".
    """
    try:
        return F.embedding(ids, table)
    except IndexError:
        raise LayersError(
            f"ids must lie between 0 and {len(table) - 1}, the last row of the table, "
            f"but went from {int(ids.min())} to {int(ids.max())}: was another tokenizer used?"
        ) from None


class Embedding(nn.Module):
    """Holds the table of `embedding`."""

    def __init__(self, vocab_size: int, d_model: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(vocab_size, d_model))

    def forward(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch d_model"]:
        """Look up the rows of `ids`."""
        return embedding(ids, self.table)


def tied_head(
    x: Float[Tensor, "*batch d_model"], table: Float[Tensor, "vocab d_model"], kernel: LinearKernel = linear
) -> Float[Tensor, "*batch vocab"]:
    """Compare each vector with every row of the embedding table: the logits.

    Formula: y[t] = ⟨x, table[t]⟩

    Why it works:
        The table says where each token lies; the head asks which token a vector points at. Tokens that are used alike
        are also expected alike, so one table can answer both, which saves vocab · d_model weights: a large part of a
        small model. In training the table collects two gradients. The lookup moves only the rows of the tokens that
        were read; the head moves every row at every place, toward x for the token that came and away from it for
        all others, each by its probability.

    Args:
        x: the states after the last norm.
        table: the embedding table itself, not a copy: a copy would differ from it after the first step.
        kernel: what computes the product.

    Spec: layers.tied_head
    Source: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models", arXiv:1608.05859.
    """
    return kernel(x, table, None)
