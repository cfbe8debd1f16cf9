"""Somebody else's implementation of a model, run as it is and read under our names: that of transformers."""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.formats.huggingface.architecture import Architecture
from llm_layers.formats.huggingface.registry import architecture_of
from llm_layers.formats.loading import load_config
from llm_layers.inspection.flow import NORMS
from llm_layers.inspection.inspected_model import HookPoint, InspectedModel, KernelCall, Note
from llm_layers.interface import LayersError
from llm_layers.model import Decoder

WATCHED = "llm_layers_watched"  # the name under which transformers knows the kernel that takes notes


def load_transformers(folder: str | os.PathLike[str]) -> InspectedModel:
    """Load a model folder with transformers, to be compared with ours.

    Args:
        folder: with `config.json` and safetensors, of one of the families that this package knows.

    Raises:
        LayersError: when transformers is not installed, or cannot read the folder.
    """
    try:
        from transformers import AutoModelForCausalLM
    except ImportError:
        raise LayersError(
            "transformers must be installed to run its implementation, but is not: pip install transformers"
        ) from None
    from transformers.utils import logging

    config, bars = load_config(folder), logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            os.fspath(folder),
            dtype=torch.float32,
            attn_implementation="eager",
            local_files_only=True,
            use_safetensors=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise LayersError(f"transformers cannot read the model in '{os.fspath(folder)}': {error}") from None
    finally:
        if bars:
            logging.enable_progress_bar()
    architecture = architecture_of(config)
    module = partial(_module, architecture)
    outputs = [module(f"blocks.{layer}.attention.output.weight") for layer in range(config.layers)]
    return InspectedModel(
        module=model,
        config=config,
        logits=lambda ids: model(input_ids=ids, use_cache=False).logits,
        named=partial(_named, model, config, architecture),
        hook_points=tuple(_hook_points(dict(model.named_modules()), config, architecture)),
        attentions={layer: model.get_submodule(name.rpartition(".")[0]) for layer, name in enumerate(outputs)},
        watched=partial(_watched, model),
        foreign=True,
    )


def _module(architecture: Architecture, name: str) -> str:
    """Return the foreign name of the module that holds a weight of ours."""
    return architecture.public_name(name).rpartition(".")[0]


def _named(
    model: nn.Module, config: ModelConfig, architecture: Architecture, tensors: Mapping[int, Tensor]
) -> dict[str, Tensor]:
    public = {name: tensors[id(weight)] for name, weight in model.named_parameters() if id(weight) in tensors}
    with torch.device("meta"):
        names = [name for name, _ in Decoder(config).named_parameters()]
    found: dict[str, Tensor] = {}
    for name in names:
        try:
            found |= architecture.from_public(public, [name])
        except (KeyError, RuntimeError):  # not there, or no expert of its own
            continue
    return found


def _hook_points(
    parts: Mapping[str, nn.Module], config: ModelConfig, architecture: Architecture
) -> Iterator[HookPoint]:
    module = partial(_module, architecture)
    if not config.design.scaled_embedding:  # there the foreign table multiplies what it gives
        yield HookPoint(point="embedding", module=parts[module("embedding.table")])
    yield HookPoint(point="resid_post", module=parts[module("final_norm.gain")], side="input")
    yield HookPoint(point="final_norm", module=parts[module("final_norm.gain")])
    used = Counter(architecture.names.values())  # GPT-2 has one weight for query, key and value
    names = {name.removeprefix("blocks.#.") for name, public in architecture.names.items() if used[public] == 1}
    stem = architecture.names["blocks.#.attention.output.weight"].partition(".#.")[0]
    query, key = (architecture.names[f"blocks.#.attention.{part}.weight"] for part in ("query", "key"))
    joined = query == key  # one weight for queries, keys and values
    for layer in range(config.layers):
        block = f"blocks.{layer}."

        def point(name: str, module: str, block: str = block, **rest: Any) -> HookPoint:
            return HookPoint(point=block + name, module=parts[module], **rest)

        yield point("resid_pre", f"{stem}.{layer}", side="input")
        for norm in NORMS:
            if f"{norm}.gain" in names:
                yield point(norm, module(f"{block}{norm}.gain"))
        for third, part in enumerate(("attention.query", "attention.key", "attention.value")):
            yield point(part, module(f"{block}{part}.weight"), third=third if joined else None)
            if f"{part}_norm.gain" in names:
                # Gemma's code moves the heads to the front before it normalizes, the others' after.
                layout = "heads" if architecture.design.norm == "rms_unit_offset" else "positions first"
                yield point(f"{part}_norm", module(f"{block}{part}_norm.gain"), layout=layout)
        output = module(f"{block}attention.output.weight")
        yield point("attention.z", output, side="input")
        yield point("attention.output", output)
        dense = "feed_forward.down.weight" in names
        inside = module(f"{block}feed_forward.{'down' if dense else 'router'}.weight")
        whole = inside.rpartition(".")[0]
        normed = "feed_forward_norm.gain" in names
        yield point("resid_mid", module(f"{block}feed_forward_norm.gain") if normed else whole, side="input")
        for part in ("feed_forward.router", "feed_forward.gate", "feed_forward.up"):
            if f"{part}.weight" in names:
                yield point(part, module(f"{block}{part}.weight"))
        if dense:
            yield point("feed_forward.post", inside, side="input")
        yield point("feed_forward.output", whole)


@contextmanager
def _watched(model: Any, note: Note) -> Iterator[None]:
    """Watch the kernels through the register of kernels that transformers offers."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    def kernel(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
    ) -> Any:
        scale = options.get("scaling") or query.shape[-1] ** -0.5
        note(KernelCall(layer=module.layer_idx, query=query, key=key, mask=attention_mask, scale=scale))
        # The plain kernel of the family, in whose code every step can be seen.
        return sys.modules[type(module).__module__].eager_attention_forward(
            module, query, key, value, attention_mask, **options
        )

    AttentionInterface.register(WATCHED, kernel)
    AttentionMaskInterface.register(WATCHED, eager_mask)
    before = model.config._attn_implementation
    model.set_attn_implementation(WATCHED)
    try:
        yield
    finally:
        model.set_attn_implementation(before)
