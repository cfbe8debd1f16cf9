"""A model folder: what is saved here loads in transformers, vLLM and llama.cpp's converter as it is, and back.

```
config.json             the shape                         generation_config.json  ids at which a text ends
model.safetensors       the weights (never pickle)        tokenizer.json …        written by llm-tokenizer
```
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.loading import load_gguf, load_gguf_config
from llm_layers.formats.huggingface.families import architecture_of, read_settings, write_settings
from llm_layers.interface import LayersError
from llm_layers.kernels.presets import EAGER, Kernels
from llm_layers.model import Decoder

WEIGHTS, INDEX, SETTINGS, GENERATION = (
    "model.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "generation_config.json",
)


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
        model: the model; its weights are saved in the type they have.
        folder: made if need be; files of the same names are replaced.
        bos_token_id: the tokenizer's id for the begin of a text, where it has one.
        eos_token_id: the id, or the ids, at which a text ends.
        pad_token_id: the id that fills up short texts.

    Raises:
        LayersError: when the folder cannot be written; one that was new is then not left behind.
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise LayersError(f"folder must be a folder, or a name for a new one, but '{path}' is a file or a device")
    ids = {"bos_token_id": bos_token_id, "eos_token_id": eos_token_id, "pad_token_id": pad_token_id}
    if any(True for _ in model.buffers()):
        raise LayersError(
            "the model must have plain weights to be saved as a folder, but some are codes: save it before "
            "quantize_model, or as a GGUF file of type Q8_0"
        )
    public = architecture_of(model.config).to_public({name: p.detach() for name, p in model.named_parameters()})
    weights = {name: weight.contiguous() for name, weight in public.items()}
    dtype = str(model.embedding.table.dtype).removeprefix("torch.")
    settings = write_settings(model.config, dtype=dtype)
    try:
        with _folder(path):
            _replace(path / WEIGHTS, lambda file: save_file(weights, file, metadata={"format": "pt"}))
            _replace(path / GENERATION, lambda file: _write_json(file, {k: v for k, v in ids.items() if v is not None}))
            _replace(path / SETTINGS, lambda file: _write_json(file, settings | ids))
    except (OSError, SafetensorError) as error:  # the second is how safetensors tells of a full disk
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise LayersError(
            f"the model cannot be saved in '{path}': {reason}; choose another place, or make room there"
        ) from None


def load_config(folder: str | os.PathLike[str]) -> ModelConfig:
    """Read the shape of the model in a folder from its `config.json`, or that of a GGUF file."""
    path = Path(folder)
    _check_model(path, os.fspath(folder))
    if path.is_file():
        return load_gguf_config(path)
    settings = read_json(path / SETTINGS)
    try:
        return read_settings(settings)
    except LayersError as error:
        raise LayersError(f"'{path / SETTINGS}': {error}") from None


def _check_model(path: Path, given: str) -> None:
    """Refuse what is no model, and name the folder that is meant where that can be seen."""
    model = f"a model must be a folder with {SETTINGS} and {WEIGHTS}, or a GGUF file"
    if path.is_file() and path.suffix in (".json", ".safetensors"):
        raise LayersError(f"{model}, but '{path}' is a file of such a folder: give the folder, '{path.parent}'")
    if not path.exists() or not given:  # an empty name would be the current folder
        raise LayersError(f"{model}, but there is no '{given}'")
    inside = path / "model"
    if not (path / SETTINGS).exists() and (inside / SETTINGS).exists():  # the folder of a training run
        raise LayersError(f"{model}, but '{path}' has no {SETTINGS}: give the folder in it that has one, '{inside}'")


def load_model(
    folder: str | os.PathLike[str], *, dtype: torch.dtype | None = None, kernels: Kernels = EAGER
) -> Decoder:
    """Read a model folder that this package or transformers has written, or a GGUF file.

    Args:
        folder: with `config.json` and `model.safetensors` (or several files and their index); or the GGUF file.
        dtype: the type of the numbers; None keeps the one they were saved in.
        kernels: the functions that compute it: `EAGER`, `FUSED`, or `llm_layers.kernels.fast_presets.FAST`.

    Raises:
        LayersError: when a file cannot be read, or naming every missing, unexpected and misshapen weight at once;
            nothing is copied before all of them fit.
    """
    path = Path(folder)
    _check_model(path, os.fspath(folder))
    if path.is_file():
        return load_gguf(path, dtype=dtype or torch.float32, kernels=kernels)
    with torch.device("meta"):
        model = Decoder(load_config(path), kernels=kernels)
    architecture, ours = architecture_of(model.config), dict(model.named_parameters())
    wanted = {name: tuple(weight.shape) for name, weight in architecture.to_public(ours).items()}
    places = _places(path, model)
    _check_weights(path, wanted, {name: shape for name, (_, _, shape) in places.items()})
    public: dict[str, Tensor] = {}
    for name, (file, stored, _) in places.items():
        with _open(file) as source:
            tensor = source.get_tensor(stored)
        if not tensor.is_floating_point():
            raise LayersError(f"{stored} in '{file}' must hold floating-point numbers, but was {tensor.dtype}")
        public[name] = tensor if dtype is None else tensor.to(dtype)
    weights = architecture.from_public(public, ours)
    model.load_state_dict({name: weight.contiguous() for name, weight in weights.items()}, assign=True)
    return model


def _places(path: Path, model: Decoder) -> dict[str, tuple[Path, str, tuple[int, ...]]]:
    """Say for each public name where the weight is: the file, its name there and its shape."""
    architecture = architecture_of(model.config)
    # Some writers repeat the tied table under the head's name.
    repeated = architecture.public_name("head.weight") if model.head is None else None
    places: dict[str, tuple[Path, str, tuple[int, ...]]] = {}
    for file in _weight_files(path):
        with _open(file) as source:
            for stored in source.keys():  # noqa: SIM118 - an opened file is no mapping
                name = architecture.stored_name(stored)
                if name is not None and name != repeated:
                    places[name] = (file, stored, tuple(source.get_slice(stored).get_shape()))
    return places


def _check_weights(path: Path, wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> None:
    problems = [f"missing: {', '.join(sorted(wanted.keys() - found.keys()))}"] if wanted.keys() - found.keys() else []
    if found.keys() - wanted.keys():
        problems.append(f"unexpected: {', '.join(sorted(found.keys() - wanted.keys()))}")
    misshapen = [
        f"{name} must be {list(wanted[name])} but was {list(found[name])}"
        for name in sorted(wanted.keys() & found.keys())
        if wanted[name] != found[name]
    ]
    if misshapen:
        problems.append(f"misshapen: {', '.join(misshapen)}")
    if problems:
        raise LayersError(f"the weights in '{path}' do not fit its {SETTINGS}; " + "; ".join(problems))


def _weight_files(path: Path) -> list[Path]:
    if (path / WEIGHTS).exists() or not (path / INDEX).exists():
        return [path / WEIGHTS]
    names = read_json(path / INDEX).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise LayersError(f"weight_map in '{path / INDEX}' must say for each weight in which file it is")
    for name in set(names.values()):
        if Path(name).name != name:  # an index must not lead out of its folder
            raise LayersError(f"weight_map in '{path / INDEX}' must name files of its own folder, but named {name!r}")
    return [path / name for name in sorted(set(names.values()))]


def _open(file: Path) -> Any:
    try:
        return safe_open(file, framework="pt")
    except (OSError, SafetensorError) as error:
        reason = "there is no such file" if not file.exists() else str(error)
        raise LayersError(f"the weights in '{file}' cannot be read: {reason}") from None


def read_json(file: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        LayersError: naming the file and what is wrong with it.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LayersError(f"'{file}' cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise LayersError(f"'{file}' must be JSON, but is not: {error}") from None
    if not isinstance(content, dict):
        raise LayersError(f"'{file}' must hold a JSON object, but holds {type(content).__name__}")
    return content


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Make a folder to write into; when that fails, take away a new one with those above that were made for it."""
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


def _replace(file: Path, write: Callable[[Path], None]) -> None:
    """Write beside `file`, bring it to the disk, then rename it into place."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.touch()
        mode = partial.stat().st_mode
        write(partial)
        partial.chmod(mode)  # safetensors makes a file that nobody else may read
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(file)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
