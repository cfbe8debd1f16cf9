"""A model as it is given: a folder in the Hugging Face layout, a run of llm-train, or a GGUF file."""

import os
from pathlib import Path
from typing import Any

import torch

from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.file import read_gguf
from llm_layers.formats.gguf.loading import load_gguf, load_gguf_config
from llm_layers.formats.huggingface.storage import GENERATION, SETTINGS, load_folder, load_folder_config
from llm_layers.formats.huggingface.weight_files import WEIGHTS, read_json
from llm_layers.interface import LayersError
from llm_layers.kernels import EAGER, Kernels
from llm_layers.model import Decoder
from llm_tokenizer.files.gguf_writing import ENDS


def load_config(folder: str | os.PathLike[str]) -> ModelConfig:
    """Read the shape of the model in a folder from its `config.json`, or that of a GGUF file.

    The weights have the last word on one field: a file with a head of its own makes an untied model in `load_model`.
    """
    path = model_path(folder)
    return load_gguf_config(path) if path.is_file() else load_folder_config(path)


def model_path(given: str | os.PathLike[str]) -> Path:
    """Return the model folder or GGUF file that is meant.

    Of a training run, that is the folder `model` in it, and before it is finished the newest checkpoint.

    Raises:
        LayersError: there is none; the sentence names the folder that is probably meant.
    """
    path, inside = Path(given), Path(given) / "model"
    must = f"a model must be a folder with {SETTINGS} and {WEIGHTS}, or a GGUF file"
    if path.is_file() and path.suffix in (".json", ".safetensors"):
        raise LayersError(f"{must}, but '{path}' is a file of such a folder: name the folder, '{path.parent}'")
    if not path.exists() or not os.fspath(given):  # an empty name would be the current folder
        raise LayersError(f"{must}, but there is no '{os.fspath(given)}'")
    if path.is_file() or (path / SETTINGS).exists():
        return path
    if (inside / SETTINGS).exists():
        return inside
    if checkpoints := [one.parent for one in path.glob(f"checkpoints/step-*/{SETTINGS}")]:
        return max(checkpoints, key=lambda folder: (len(folder.name), folder.name))  # step-00000100: the highest step
    if (path / "results.json").exists():
        raise LayersError(
            f"{path} is finished, but its model has parts that {SETTINGS} cannot express: it cannot be loaded"
        )
    if (path / "recipe.toml").exists():
        raise LayersError(f"{path} has no checkpoint yet: the command that started it resumes it")
    found = [str(one) for pattern in ("*.gguf", f"*/{SETTINGS}", f"*/model/{SETTINGS}") for one in path.glob(pattern)]
    near = min(found, default="").removesuffix(f"/{SETTINGS}").removesuffix("/model")
    advice = f"did you mean '{near}'?" if near else "get the folder again, or name another"
    raise LayersError(f"{must}, but '{path}' has no {SETTINGS}: {advice}")


def load_model(
    folder: str | os.PathLike[str], *, dtype: torch.dtype | None = None, kernels: Kernels = EAGER
) -> Decoder:
    """Read a model folder that this package or transformers has written, or a GGUF file.

    A file with a head of its own is read as an untied model, even where `config.json` says that the head is the
    embedding table: no weight is dropped unless it is equal to what replaces it.

    Args:
        folder: with `config.json` and `model.safetensors` (or several files and their index); a run of llm-train, whose
            folder `model` is read, or its newest checkpoint; or a GGUF file.
        dtype: of the weights; None keeps the one they were saved in, of several the most precise, and makes float32 of
            a GGUF file.
        kernels: the functions that compute it: `EAGER`, `FUSED` or `FAST`.

    Raises:
        LayersError: when a file cannot be read, or naming every missing, unexpected and misshapen weight at once;
            nothing is copied before all of them fit.
    """
    path = model_path(folder)
    if path.is_file():
        return load_gguf(path, dtype=dtype or torch.float32, kernels=kernels)
    return load_folder(path, dtype=dtype, kernels=kernels)


def text_ends(source: str | os.PathLike[str], tokenizer: Any = None) -> dict[str, Any]:
    """Return the ids at which a text begins, ends and is filled up, as a model folder or a GGUF file states them.

    The tokenizer is given where a GGUF file is to be written, whose readers put the first of these ids around a text
    if the tokenizer does so: its own have the last word there, since those of `config.json` can be mere defaults.
    """
    path, settings = Path(source), dict[str, Any]()
    if path.is_file():
        words = read_gguf(path).words
        begin, fill, *ends = (words.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "padding", *ENDS))
        settings = {"bos_token_id": begin, "eos_token_id": ends, "pad_token_id": fill}
    for name in (SETTINGS, GENERATION):  # the second has the last word
        if (path / name).is_file():
            settings |= {key: value for key, value in read_json(path / name).items() if value is not None}
    given = settings.get("eos_token_id")
    ends = given if isinstance(given, list) else [given]
    if getattr(tokenizer, "add_eos_token", False):
        ends = [tokenizer.eos_token_id, *ends]
    if getattr(tokenizer, "add_bos_token", False):
        settings["bos_token_id"] = tokenizer.bos_token_id
    ends = [id for place, id in enumerate(ends) if id is not None and id not in ends[:place]]
    settings["eos_token_id"] = ends if len(ends) > 1 else next(iter(ends), None)
    return {key: settings.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
