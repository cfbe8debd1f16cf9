"""Load a model folder: the model, its tokenizer, and the ids that begin and end a text."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from llm_generate.interface import GenerateError
from llm_layers.formats.loading import load_model, model_path, text_ends
from llm_layers.interface import LanguageModel
from llm_tokenizer import load_tokenizer
from llm_tokenizer.interface import Tokenizer, UserError


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """Everything needed to continue text.

    Args:
        model: In float32: the fastest on a CPU for one text at a time, and exact.
        tokenizer: The one it was trained with.
        start_ids: What an empty prompt begins with; can be empty.
        stop_ids: Ids that end a text; can be empty.
    """

    model: LanguageModel
    tokenizer: Tokenizer
    start_ids: tuple[int, ...] = ()
    stop_ids: tuple[int, ...] = ()


def load(folder: str | os.PathLike[str]) -> LoadedModel:
    """Load a model folder in the Hugging Face layout or a GGUF file: weights, tokenizer, and the ids around a text.

    Raises:
        GenerateError: A file is missing or damaged, or an id in `generation_config.json` is not one of this model.
    """
    try:
        return _load(model_path(folder))
    except UserError as error:
        raise GenerateError(str(error)) from None


def _load(path: Path) -> LoadedModel:
    model = load_model(path, dtype=torch.float32).eval()
    tokenizer = load_tokenizer(path)
    ids = text_ends(path)
    if path.is_file():  # the tokenizer knows what the format takes for those that a file leaves out
        ids = {name: getattr(tokenizer, name, None) if id is None else id for name, id in ids.items()}
    stop_ids = _ids(path, ids, "eos_token_id", model.vocab_size)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        # A model without a begin-of-text id learned that a text begins where another one ended.
        start_ids=_ids(path, ids, "bos_token_id", model.vocab_size) or stop_ids[:1],
        stop_ids=stop_ids,
    )


def _ids(folder: Path, settings: dict[str, Any], name: str, vocab_size: int) -> tuple[int, ...]:
    value = settings.get(name)
    found = [] if value is None else value if isinstance(value, list) else [value]
    for one in found:
        if type(one) is not int or not 0 <= one < vocab_size:
            raise GenerateError(f"{name} in '{folder}' must be an id from 0 to {vocab_size - 1}, was {one!r}.")
    return tuple(found)
