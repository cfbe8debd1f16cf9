"""Masks in NumPy. Booleans have no gradient."""

from llm_layers.reference.arrays import Array


def causal_mask(query_positions: Array, key_positions: Array) -> Array:
    """Return where a key is not later than the query."""
    return key_positions[..., None, :] <= query_positions[..., :, None]


def sliding_window_mask(query_positions: Array, key_positions: Array, window: int) -> Array:
    """Return where a key is among the last `window` positions, the query's own counted: i - window < j ≤ i."""
    if window < 1:
        raise ValueError(f"window must be at least 1, the query's own position, but was {window}")
    distance = query_positions[..., :, None] - key_positions[..., None, :]
    return (distance >= 0) & (distance < window)


def document_mask(query_documents: Array, key_documents: Array) -> Array:
    """Return where a key belongs to the document of the query."""
    return query_documents[..., :, None] == key_documents[..., None, :]
