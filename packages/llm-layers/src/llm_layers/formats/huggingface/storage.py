"""A model folder: what is saved here loads in transformers, vLLM and llama.cpp's converter as it is, and back.

```
config.json             the shape                         generation_config.json  ids at which a text ends
model.safetensors       the weights (never pickle)        tokenizer.json …        written by llm-tokenizer
```
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.formats.huggingface.architecture import Architecture
from llm_layers.formats.huggingface.registry import architecture_of, read_settings, write_settings
from llm_layers.formats.huggingface.weight_files import DTYPES, WEIGHTS, StoredWeight, read_json, stored_weights
from llm_layers.formats.weights import check_shapes, saveable_weights
from llm_layers.interface import LayersError
from llm_layers.kernels import Kernels
from llm_layers.model import Decoder
from llm_tokenizer.files.writing import atomic_path, failed_write, write_json

SETTINGS, GENERATION = "config.json", "generation_config.json"


def save_model(
    model: Decoder,
    folder: str | os.PathLike[str],
    *,
    bos_token_id: int | None = None,
    eos_token_id: int | list[int] | None = None,
    pad_token_id: int | None = None,
) -> None:
    """Write `config.json`, `model.safetensors` and `generation_config.json`.

    Each file is written under another name and then renamed, so that a reader never meets half a file.

    Args:
        model: the model; its weights are saved in the dtype they have.
        folder: created if it is missing; files of the same names are replaced.
        bos_token_id: the tokenizer's id for the beginning of a text, where it has one.
        eos_token_id: the id, or the ids, at which a text ends.
        pad_token_id: the id that fills up short texts.

    Raises:
        LayersError: when the model is no plain `Decoder` (compiled, wrapped, quantized, with adapters), or the folder
            cannot be written; one that was new is then not left behind.
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise LayersError(f"folder must be a directory or a new path, but '{path}' is a file or a device")
    weights, texts = folder_contents(
        model, bos_token_id=bos_token_id, eos_token_id=eos_token_id, pad_token_id=pad_token_id
    )
    try:
        with _folder(path):
            with atomic_path(path / WEIGHTS) as file:
                _save_weights(weights, file)
            for name, content in texts.items():
                write_json(path / name, content)
    except OSError as error:
        raise LayersError(f"the model cannot be saved: {failed_write(path, error)}") from None


def folder_contents(
    model: Decoder,
    *,
    bos_token_id: int | None = None,
    eos_token_id: int | list[int] | None = None,
    pad_token_id: int | None = None,
) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """Return what the folder of a model holds: the weights by their public names, and the content of its JSON files.

    The arguments are those of `save_model`; `config.json` comes last, because a folder that has it counts as whole.

    Raises:
        LayersError: when the model is no plain `Decoder`, or no public family can express it.
    """
    ids = {"bos_token_id": bos_token_id, "eos_token_id": eos_token_id, "pad_token_id": pad_token_id}
    plain = saveable_weights(model)
    public = architecture_of(model.config).to_public(plain)
    settings = write_settings(model.config, dtype=str(model.embedding.table.dtype).removeprefix("torch."))
    return {name: weight.contiguous() for name, weight in public.items()}, {
        GENERATION: {key: value for key, value in ids.items() if value is not None},
        SETTINGS: settings | ids,
    }


def load_folder_config(path: Path) -> ModelConfig:
    """Read the shape of a model from the `config.json` of its folder."""
    settings = read_json(path / SETTINGS)
    try:
        return read_settings(settings)
    except LayersError as error:
        raise LayersError(f"'{path / SETTINGS}': {error}") from None


def load_folder(path: Path, *, dtype: torch.dtype | None, kernels: Kernels) -> Decoder:
    """Read the model in a folder; `load_model` says the rest."""
    config = load_folder_config(path)
    architecture = architecture_of(config)
    with stored_weights(path) as stored:
        found = _by_public_name(stored, architecture, config)
        config = _with_own_head(found, architecture, config)
        with torch.device("meta"):
            model = Decoder(config, kernels=kernels)
        ours = dict(model.named_parameters())
        wanted = {name: tuple(weight.shape) for name, weight in architecture.to_public(ours).items()}
        check_shapes(
            f"the weights in '{path}' do not fit its {SETTINGS}",
            wanted,
            {name: weight.shape for name, weight in found.items()},
        )
        public = {name: weight.read() for name, weight in found.items()}
    for name, tensor in public.items():
        if tensor.dtype not in DTYPES:
            known = ", ".join(str(one).removeprefix("torch.") for one in DTYPES)
            was = str(tensor.dtype).removeprefix("torch.")
            raise LayersError(f"{found[name].name} in '{found[name].file}' must be one of {known}, but was {was}")
    dtype = dtype or reduce(torch.promote_types, {tensor.dtype for tensor in public.values()})
    weights = architecture.from_public({name: tensor.to(dtype) for name, tensor in public.items()}, ours)
    model.load_state_dict({name: weight.contiguous() for name, weight in weights.items()}, assign=True)
    return model


def _by_public_name(
    stored: list[StoredWeight], architecture: Architecture, config: ModelConfig
) -> dict[str, StoredWeight]:
    """Return the weights by their public names; what holds no weight, or occurs twice, must be what is used instead."""
    found: dict[str, StoredWeight] = {}
    for weight in stored:
        name = architecture.stored_name(weight.name)
        if name is None:
            if not architecture.buffer_fits(weight.name, weight.read(), config):
                raise LayersError(
                    f"{weight.name} in '{weight.file}' must be what follows from {SETTINGS}, but differs: "
                    "the two do not belong together; get the folder again"
                )
            continue
        first = found.setdefault(name, weight)
        if first is not weight and not weight.equals(first):
            raise LayersError(
                f"{name} must be the same wherever it is stored, but differs between {first.name} in "
                f"'{first.file.name}' and {weight.name} in '{weight.file.name}': get the folder again"
            )
    return found


def _with_own_head(found: dict[str, StoredWeight], architecture: Architecture, config: ModelConfig) -> ModelConfig:
    """Decide what a stored head is in a model that is declared as tied: a copy of the table, the table, or a head."""
    head, table = architecture.names["head.weight"], architecture.names["embedding.table"]
    if not config.tied_embeddings or head not in found:
        return config
    if table not in found:  # some writers keep one of the two names
        found[table] = found.pop(head)
    elif found[head].equals(found[table]):
        del found[head]
    else:
        return replace(config, tied_embeddings=False)
    return config


def _save_weights(weights: Mapping[str, Tensor], file: Path) -> None:
    try:
        save_file(dict(weights), file, metadata={"format": "pt"})
    except SafetensorError as error:  # a full disk, for example: the number of the error is in its text
        number = re.search(r"os error (\d+)", str(error))
        code = int(number[1]) if number else 0
        raise OSError(code, os.strerror(code) if number else str(error)) from None


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Create a folder to write into; on an error delete a new one, with the folders above it that were created."""
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for name in (WEIGHTS, GENERATION, SETTINGS) if new else ():
            with suppress(OSError):
                (path / name).unlink()
        for folder in new:
            with suppress(OSError):
                folder.rmdir()
        raise
