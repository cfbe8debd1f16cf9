"""Token embeddings in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array


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
