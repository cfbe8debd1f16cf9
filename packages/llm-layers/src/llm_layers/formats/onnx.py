"""A model as an ONNX file: a program of plain operations, weights and all, that runs without torch and without us.

ONNX and not torch's own `.pt2`, because that keeps parts of itself as pickle, which can run code when it is opened.
"""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llm_layers.formats.weights import saveable_weights
from llm_layers.interface import LayersError
from llm_layers.model import Decoder
from llm_tokenizer.files.writing import atomic_write, write_errors_as

LARGEST = (1 << 31) - (1 << 24)  # bytes of weights: the format's messages end at 2 GiB, and the program takes some too
MOST_TEXTS = 1 << 16


def export_onnx(model: Decoder, path: str | os.PathLike[str]) -> None:
    """Record what a model does and write it as one ONNX file, for onnxruntime and all that is built on it.

    The program takes `tokens`, ids (batch, position) in int64, and returns `logits` (batch, position, vocab) in
    float32. Batch and position may be any, up to the context. It has no cache: with n tokens it does the work of n
    positions each time. Needs the extra `export` (`pip install onnx onnxscript`).

    Args:
        model: of any family without a mixture of experts; there the experts that run depend on the tokens.
        path: the file, `*.onnx`; one of the same name is replaced.

    Raises:
        LayersError: the model cannot be recorded, or the file cannot be written. An old file is left as it was.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise LayersError(f"path must end with .onnx, but was '{path}'")
    weights = saveable_weights(model)
    size = sum(4 * weight.numel() for weight in weights.values())
    if size > LARGEST:
        raise LayersError(
            f"the model must take at most {LARGEST} bytes in float32 for an ONNX file, but takes {size}: "
            "save_gguf writes larger ones"
        )
    if model.config.experts is not None:
        raise LayersError("the model must have no experts to be recorded, because then one run does not show them all")
    program = _record(_plain(model, weights))
    for node in program.graph.node:
        del node.metadata_props[:]  # names and lines of the files that it was recorded from
    with write_errors_as(LayersError, path), atomic_write(path) as file:
        file.write(program.SerializeToString())


def _plain(model: Decoder, weights: dict[str, Tensor]) -> Decoder:
    """Return a new model with the same weights in float32 and with the eager functions."""
    with torch.device("meta"):
        fresh = Decoder(model.config)
    fresh.load_state_dict({name: weight.to("cpu", torch.float32) for name, weight in weights.items()}, assign=True)
    return fresh.requires_grad_(False).eval()


def _record(model: Decoder) -> Any:
    """Return the program as ONNX's own message."""
    batch = torch.export.Dim("batch", min=1, max=MOST_TEXTS)
    position = torch.export.Dim("position", min=1, max=model.context_length)
    example = torch.zeros((2, min(3, model.context_length)), dtype=torch.int64)
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)  # it reports that a library for pictures is not installed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch uses functions of its own that it has declared old
            program = torch.onnx.export(
                model,
                (example,),
                dynamic_shapes={"tokens": {0: batch, 1: position}},
                input_names=["tokens"],
                output_names=["logits"],
                dynamo=True,
                verbose=False,
            )
    except ImportError as error:
        raise LayersError(
            f"exporting needs {error.name or 'more'}, which is not installed: run `pip install onnx onnxscript`"
        ) from None
    finally:
        log.setLevel(level)
    assert program is not None
    return program.model_proto
