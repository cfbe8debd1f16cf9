"""Somebody else's implementation of a model, run as it is and read under our names: that of transformers."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.formats.huggingface.architecture import Architecture
from llm_layers.formats.huggingface.registry import architecture_of
from llm_layers.formats.huggingface.storage import load_config
from llm_layers.inspection.flow import NORMS
from llm_layers.inspection.inspected_model import HookPoint, KernelCall, Layout
from llm_layers.interface import LayersError
from llm_layers.model import Decoder

WATCHED = "llm_layers_watched"  # the name under which transformers knows the kernel that takes notes


@dataclass(frozen=True, kw_only=True)
class ForeignModel:
    """A model of transformers whose parts are found through the tables of `llm_layers.formats.huggingface.registry`."""

    module: nn.Module
    config: ModelConfig
    architecture: Architecture

    def logits(self, ids: Tensor) -> Tensor:
        """Run it."""
        y: Tensor = self.module(input_ids=ids, use_cache=False).logits
        return y

    def weights(self) -> dict[str, Tensor]:
        """Give its weights under our names; without experts that it keeps in a form of its own."""
        return self.named({id(weight): weight for weight in self.module.parameters()})

    def named(self, gradients: Mapping[int, Tensor]) -> dict[str, Tensor]:
        """Give tensors, handed in by the `id` of their parameter, under our names."""
        public = {n: gradients[id(weight)] for n, weight in self.module.named_parameters() if id(weight) in gradients}
        with torch.device("meta"):
            names = [name for name, _ in Decoder(self.config).named_parameters()]
        found: dict[str, Tensor] = {}
        for name in names:
            try:
                found |= self.architecture.from_public(public, [name])
            except (KeyError, RuntimeError):  # not there, or no expert of its own
                continue
        return found

    def hook_points(self) -> list[HookPoint]:
        """Say what is to be kept."""
        parts = dict(self.module.named_modules())
        hook_points = [*self._taps_outside(parts)]
        for layer in range(self.config.layers):
            hook_points += self._taps_of_block(layer, parts)
        return hook_points

    def _taps_outside(self, parts: Mapping[str, nn.Module]) -> Iterator[HookPoint]:
        if not self.config.design.scaled_embedding:  # there the foreign table multiplies what it gives
            yield HookPoint(point="embedding", module=parts[self._module("embedding.table")])
        final = parts[self._module("final_norm.gain")]
        yield HookPoint(point="resid_post", module=final, side="input")
        yield HookPoint(point="final_norm", module=final)

    def _taps_of_block(self, layer: int, parts: Mapping[str, nn.Module]) -> Iterator[HookPoint]:
        block = f"blocks.{layer}"

        def tap(
            point: str, module: str, side: Any = "output", layout: Layout = "stream", part: int | None = None
        ) -> HookPoint:
            return HookPoint(point=f"{block}.{point}", module=parts[module], side=side, layout=layout, part=part)

        yield tap("resid_pre", self._block(layer), "input")
        names = {name.removeprefix("blocks.#.") for name in self.architecture.names if name.startswith("blocks.#.")}
        for norm in NORMS:
            if f"{norm}.gain" in names:
                yield tap(norm, self._module(f"{block}.{norm}.gain"))
        for part in ("query", "key", "value"):
            if f"attention.{part}.weight" in names:
                yield tap(f"attention.{part}", self._module(f"{block}.attention.{part}.weight"))
            else:  # one weight for all three
                third = ("query", "key", "value").index(part)
                yield tap(f"attention.{part}", f"{self._block(layer)}.attn.c_attn", part=third)
        for part in ("query_norm", "key_norm"):
            if f"attention.{part}.gain" in names:
                module = self._module(f"{block}.attention.{part}.gain")
                # Gemma's code moves the heads to the front before it normalises, the others' after.
                gemma = self.architecture.design.norm == "rms_unit_offset"
                yield tap(f"attention.{part}", module, layout="heads" if gemma else "positions first")
        output = self._module(f"{block}.attention.output.weight")
        yield tap("attention.z", output, "input")
        yield tap("attention.output", output)
        yield from self._taps_of_feed_forward(block, names, tap)

    def _taps_of_feed_forward(self, block: str, names: set[str], tap: Callable[..., HookPoint]) -> Iterator[HookPoint]:
        inner = "down.weight" if "feed_forward.down.weight" in names else "router.weight"
        inside = self._module(f"{block}.feed_forward.{inner}")
        whole = inside.rpartition(".")[0]
        before = f"{block}.feed_forward_norm.gain"
        yield tap("resid_mid", self._module(before) if "feed_forward_norm.gain" in names else whole, "input")
        for part in ("router", "gate", "up"):
            if f"feed_forward.{part}.weight" in names:
                yield tap(f"feed_forward.{part}", self._module(f"{block}.feed_forward.{part}.weight"))
        if inner == "down.weight":
            yield tap("feed_forward.post", inside, "input")
        yield tap("feed_forward.output", whole)

    def _module(self, name: str) -> str:
        """Give the foreign name of the module that holds a weight of ours."""
        return self.architecture.public_name(name).rpartition(".")[0]

    def _block(self, layer: int) -> str:
        stem = self.architecture.names["blocks.#.attention.output.weight"].partition(".#.")[0]
        return f"{stem}.{layer}"

    def attention_modules(self) -> dict[int, nn.Module]:
        """Give the attention of each block."""
        names = {
            layer: self._module(f"blocks.{layer}.attention.output.weight").rpartition(".")[0]
            for layer in range(self.config.layers)
        }
        return {layer: self.module.get_submodule(name) for layer, name in names.items()}

    def kernels(self, note: Callable[[KernelCall], None]) -> AbstractContextManager[None]:
        """Watch the kernels, through the register of kernels that transformers offers."""
        return _watched(self.module, note)


@contextmanager
def _watched(model: Any, note: Callable[[KernelCall], None]) -> Iterator[None]:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    def kernel(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
    ) -> Any:
        scale = options.get("scaling") or query.shape[-1] ** -0.5
        note(KernelCall(layer=module.layer_idx, query=query, key=key, value=value, mask=attention_mask, scale=scale))
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


def load_transformers(folder: str | os.PathLike[str]) -> ForeignModel:
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
    return ForeignModel(module=model, config=config, architecture=architecture_of(config))
