"""Attention masks: which keys a query may see."""

from jaxtyping import Bool, Int
from torch import Tensor

from llm_layers.interface import LayersError


def causal_mask(
    query_positions: Int[Tensor, "*batch query_position"], key_positions: Int[Tensor, "*batch key_position"]
) -> Bool[Tensor, "*batch query_position key_position"]:
    """Compute which key each query may attend to: True where the key is not later than the query.

    Formula: mask[i, j] = key_positions[j] ≤ query_positions[i]

    Why it works:
        A model that could see the next token would copy it instead of learning to predict it. With the future
        hidden, all positions of a text are trained at once, each as if the text ended there. The rule compares
        positions, not indices: with a cache, the first query may be at position 100.

    Spec: layers.causal_mask
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
    """
    return key_positions[..., None, :] <= query_positions[..., :, None]


def sliding_window_mask(
    query_positions: Int[Tensor, "*batch query_position"],
    key_positions: Int[Tensor, "*batch key_position"],
    window: int,
) -> Bool[Tensor, "*batch query_position key_position"]:
    """Let each query see only the last `window` positions, its own among them.

    Formula: mask[i, j] = query_positions[i] - window < key_positions[j] ≤ query_positions[i]

    ```
    window 3        key 0 1 2 3 4
            query 2     ■ ■ ■ · ·
            query 3     · ■ ■ ■ ·
            query 4     · · ■ ■ ■
    ```

    Why it works:
        Most of what a word needs is close by. With a window of w positions the work per position, and the cache,
        stop growing with the text. What is farther away is not lost: a layer hands on what it has gathered, so after
        n layers a position has heard from n · (w - 1) positions before it.

    Args:
        query_positions: positions of the queries.
        key_positions: positions of the keys.
        window: how many positions a query sees, itself included; at least 1.

    Raises:
        LayersError: when the window holds no position.

    Spec: layers.sliding_window_mask
    Source: Beltagy et al. 2020, "Longformer", arXiv:2004.05150; Jiang et al. 2023, "Mistral 7B", arXiv:2310.06825.
    """
    if window < 1:
        raise LayersError(f"window must be at least 1, the query's own position, but was {window}")
    distance = query_positions[..., :, None] - key_positions[..., None, :]
    return (distance >= 0) & (distance < window)


def document_mask(
    query_documents: Int[Tensor, "*batch query_position"], key_documents: Int[Tensor, "*batch key_position"]
) -> Bool[Tensor, "*batch query_position key_position"]:
    """Let each query see only the keys of its own document; together with `causal_mask`, by "and".

    Formula: mask[i, j] = key_documents[j] = query_documents[i]

    ```
    documents 0 0 1 1 1     key 0 1 2 3 4
                    query 1     ■ ■ · · ·
                    query 3     · · ■ ■ ■      and with the causal mask   · · ■ ■ ·
    ```

    Why it works:
        Short texts are packed into one row, so that no position is wasted on padding. What is before the border is
        another text: a model that sees it learns that texts follow each other at random, and a position's answer
        depends on what happened to be packed beside it. With the mask, a packed text gets what it would get alone.

    Args:
        query_documents: the number of the document of each query; any whole numbers.
        key_documents: that of each key.

    Spec: layers.document_mask
    Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning", arXiv:1910.10683, section 2.3 (packing);
        Grattafiori et al. 2024, "The Llama 3 Herd of Models", arXiv:2407.21783, section 3.2 (the mask).
    """
    return query_documents[..., :, None] == key_documents[..., None, :]
