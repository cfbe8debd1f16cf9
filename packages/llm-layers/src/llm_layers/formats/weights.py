"""What every format needs to know of weights: whether a model has plain ones, and whether those of a file fit."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from llm_layers.interface import LayersError
from llm_layers.layers.lora import LoraLinear
from llm_layers.layers.quantized_linear import QuantizedLinear
from llm_layers.model import Decoder

COMPILED = "_orig_mod"  # the name under which torch.compile keeps what it compiled


def saveable_weights(model: object) -> dict[str, Tensor]:
    """Return the weights of a model by name, detached from the graph.

    Raises:
        LayersError: naming what the model is instead of a plain `Decoder`, and how to get one.
    """
    must = "the model must be a Decoder with plain weights to be saved, but"
    if not isinstance(model, nn.Module):
        raise LayersError(f"{must} was of type {type(model).__name__}: pass the model itself, not its weights")
    # A plain Decoder has no buffers: whatever holds one is odd below.
    weights = {name: weight.detach() for name, weight in (*model.named_parameters(), *model.named_buffers())}
    if any(COMPILED in name.split(".") for name in weights):
        raise LayersError(f"{must} is compiled (torch.compile): save the model that was given to torch.compile")
    if not isinstance(model, Decoder):
        inner = getattr(model, "module", None)
        if isinstance(inner, nn.Module):
            raise LayersError(f"{must} is wrapped in {type(model).__name__}: save model.module")
        raise LayersError(
            f"{must} is a {type(model).__name__}: build it with Decoder(config), or write its own weights"
        )
    if any(isinstance(module, LoraLinear) for module in model.modules()):
        raise LayersError(
            f"{must} has LoRA adapters: merge_all_lora and then remove_lora put them into the weights (if those are "
            "quantized: add_lora to the model as it was before, and load lora_weights there first), remove_lora with "
            "discard=True drops them, lora_weights returns them alone"
        )
    if any(isinstance(module, QuantizedLinear) for module in model.modules()):
        raise LayersError(
            f"{must} is quantized (quantize_model): save it before that; save_gguf writes 8-bit weights "
            'with dtype="Q8_0"'
        )
    with torch.device("meta"):
        wanted = {name: weight.shape for name, weight in Decoder(model.config).named_parameters()}
    odd = [name for name in wanted.keys() | weights.keys() if name not in weights or name not in wanted]
    odd += [name for name in wanted.keys() & weights.keys() if weights[name].shape != wanted[name]]
    if odd:
        raise LayersError(
            f"{must} differs from Decoder(model.config) in {', '.join(sorted(odd)[:5])}: undo what was changed after "
            "it was built, or build it with the config that fits"
        )
    if empty := [name for name, weight in weights.items() if weight.is_meta]:
        raise LayersError(f"{must} has no values in {empty[0]}, which is on the meta device: load the weights first")
    return weights


def check_shapes(what: str, wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> None:
    """Compare the tensors of a file with those that its settings ask for.

    Raises:
        LayersError: `what`, and every missing, unexpected and misshapen tensor.
    """
    misshapen = [
        f"{name} must be {list(wanted[name])} but was {list(found[name])}"
        for name in sorted(wanted.keys() & found.keys())
        if wanted[name] != found[name]
    ]
    lists = {
        "missing": sorted(wanted.keys() - found.keys()),
        "unexpected": sorted(found.keys() - wanted.keys()),
        "misshapen": misshapen,
    }
    problems = [f"{kind}: {', '.join(names)}"[:2000] for kind, names in lists.items() if names]
    if problems:
        raise LayersError(f"{what}; {'; '.join(problems)}: get the model again")
