"""From a text to ids, and from ids to labels."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.interface import LayersError
from llm_tokenizer import TokenizerError, load_tokenizer
from llm_tokenizer.commands.token_display import token_label
from llm_tokenizer.interface import Tokenizer


def ids_of(text: str, folder: str | os.PathLike[str], config: ModelConfig) -> tuple[Tensor, list[str]]:
    """Encode a text, in which special tokens are plain characters, and return the ids and a label for each.

    Args:
        text: the text.
        folder: a model folder with a tokenizer, or a .gguf file.
        config: of the model: the ids must be in its vocabulary and fit into its context.

    Raises:
        LayersError: when there is no tokenizer, it has no ids for the text, or they do not fit the model.
    """
    tokenizer = tokenizer_of(folder)
    try:
        ids = encoded(text, tokenizer)
    except TokenizerError as error:
        raise LayersError(str(error)) from None
    return checked_ids(ids, config), [label_of_id(id, tokenizer) for id in ids]


def encoded(text: str, tokenizer: Tokenizer) -> list[int]:
    """Return the ids of a text, with one begin token before them if the tokenizer adds one, as the model learned."""
    ids = tokenizer.encode(text)
    begin = getattr(tokenizer, "bos_token_id", None) if getattr(tokenizer, "add_bos_token", False) else None
    return ids if begin is None or ids[:1] in ([], [begin]) else [begin, *ids]


def tokenizer_of(folder: str | os.PathLike[str]) -> Tokenizer:
    """Load the tokenizer of a model folder or .gguf file."""
    try:
        return load_tokenizer(Path(folder))
    except TokenizerError as error:
        raise LayersError(f"a text needs the model's tokenizer: {error}; or give the ids themselves") from None


def checked_ids(ids: Sequence[int], config: ModelConfig) -> Tensor:
    """Return ids as a batch of one text; refuse none, too many, and ids outside the vocabulary."""
    if not ids:
        raise LayersError("the text must have at least one token, but has none: give a longer one")
    if len(ids) > config.context_length:
        raise LayersError(
            f"the text must fit into the context of {config.context_length} positions, but has {len(ids)} tokens: "
            "give a shorter one"
        )
    odd = next((id for id in ids if not 0 <= id < config.vocab_size), None)
    if odd is not None:
        raise LayersError(
            f"ids must lie between 0 and {config.vocab_size - 1}, the model's last, but {odd} does not: "
            "was another tokenizer used?"
        )
    return torch.tensor([list(ids)])


def label_of_id(id: int, tokenizer: Tokenizer) -> str:
    """Return a short label for an id: its token in one line, or its number where the tokenizer has no token for it."""
    try:
        token = tokenizer.token_bytes(id)
    except TokenizerError:  # a model may have more ids than its tokenizer, for a round number
        return str(id)
    return token_label(token).replace("\n", "").replace(" ", "·")


def shortened(label: str, length: int) -> str:
    """Return a label of at most so many characters; an ellipsis stands for those that are left out."""
    return label if len(label) <= length else f"{label[: length - 1]}…"
