"""From what somebody typed to ids, and from ids to labels that can stand in a picture."""

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
    """Cut a text with the tokenizer that lies beside a model.

    Args:
        text: the text; special tokens in it are plain characters.
        folder: a model folder with a tokenizer, or a .gguf file.
        config: of the model: the ids must be in its vocabulary and fit into its context.

    Returns:
        The ids, [1, position], and a label for each.

    Raises:
        LayersError: when there is no tokenizer, it has no ids for the text, or they do not fit the model.
    """
    tokenizer = tokenizer_of(folder)
    try:
        ids = tokenizer.encode(text)
    except TokenizerError as error:
        raise LayersError(str(error)) from None
    checked = checked_ids(ids, config)
    return checked, labels_of(ids, tokenizer)


def tokenizer_of(folder: str | os.PathLike[str]) -> Tokenizer:
    """Load the tokenizer that lies beside a model, or in its .gguf file."""
    try:
        return load_tokenizer(Path(folder))
    except TokenizerError as error:
        raise LayersError(f"a text needs the model's tokenizer: {error}; or give the ids themselves") from None


def checked_ids(ids: Sequence[int], config: ModelConfig) -> Tensor:
    """Give ids as a batch of one text.

    Raises:
        LayersError: when there are none, too many, or one outside the vocabulary.
    """
    if not ids:
        raise LayersError("the text must have at least one token, but has none: give a longer one")
    if len(ids) > config.context_length:
        raise LayersError(
            f"the text must fit into the context of {config.context_length} positions, but has {len(ids)} tokens: "
            "give a shorter one"
        )
    odd = [id for id in ids if not 0 <= id < config.vocab_size]
    if odd:
        raise LayersError(
            f"ids must lie between 0 and {config.vocab_size - 1}, the model's last, but {odd[0]} does not: "
            "was another tokenizer used?"
        )
    return torch.tensor([list(ids)])


def labels_of(ids: Sequence[int], tokenizer: Tokenizer | None = None) -> list[str]:
    """Give each id a short label in one line; where no tokenizer has a token for it, its number."""
    return [label_of_id(id, tokenizer) for id in ids]


def label_of_id(id: int, tokenizer: Tokenizer | None) -> str:
    """Give one id its label."""
    if tokenizer is None:
        return str(id)
    try:
        token = tokenizer.token_bytes(id)
    except TokenizerError:  # a model may have more ids than its tokenizer, for a round number
        return str(id)
    return token_label(token).replace("\n", "").replace(" ", "·")
