"""Token embeddings and the tied head in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array, outer


def embedding(ids: Array, table: Array) -> Array:
    """Look up one row per id: y[i] = table[ids[i]]."""
    return table[ids]


def embedding_backward(dy: Array, ids: Array, table: Array) -> Array:
    """Gradient of the table.

    Row t of the table is copied to every place i with ids[i] = t. A number that is copied collects the gradients of
    all its copies:

        dtable[t] = Σ over i with ids[i] = t of dy[i]

    `np.add.at` adds once per place; `dtable[ids] += dy` would keep only one of several equal ids.
    """
    dtable = np.zeros(table.shape)
    np.add.at(dtable, ids, dy)
    return dtable


def tied_head(x: Array, table: Array) -> Array:
    """Compare each vector with every row of the table: y[t] = ⟨x, table[t]⟩."""
    return x @ table.T


def tied_head_backward(dy: Array, x: Array, table: Array) -> tuple[Array, Array]:
    """Gradients of x and of the table.

    The table is here a weight stored (out, in) without a bias, so (see `linear_backward`):

        dx = dy table        dtable[t] = Σ over vectors of dy[t] x

    This is the head's share only. In a model with tied weights the same table was also looked up at the bottom, and a
    weight that is used twice collects both: dtable = `embedding_backward` + `tied_head_backward`.
    """
    return dy @ table, outer(dy, x)
