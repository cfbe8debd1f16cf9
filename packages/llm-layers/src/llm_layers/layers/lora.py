"""LoRA: train low-rank adapters beside the frozen weights of a model."""

from collections.abc import Collection
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llm_layers.interface import LayersError
from llm_layers.layers.linear import Linear, LinearMap, linear, replace_module
from llm_layers.layers.precision import like, wide
from llm_layers.layers.quantized_linear import SKIPPED_MODULES, QuantizedLinear


def lora_linear(
    x: Float[Tensor, "*batch d_in"],
    base: LinearMap,
    down: Float[Tensor, "rank d_in"],
    up: Float[Tensor, "d_out rank"],
    scale: float,
) -> Float[Tensor, "*batch d_out"]:
    """Apply a frozen linear layer and add a correction of low rank.

    Formula: y = base(x) + scale · up (down x)

    Why it works:
        What a trained model has to change to learn one more task is small, and it lies mostly in a few directions.
        So the weight is left alone and beside it a correction is learned that can only express `rank` directions:
        `down` picks what to look for in x, `up` says what to write when it is found. That is rank · (d_in + d_out)
        numbers in place of d_in · d_out, often a hundredth, and the optimizer keeps its moments for them alone. With
        up starting at zero the model starts as it was. Multiplying x by `down` first is what keeps it cheap: the
        product up · down would be as large as the weight.

    Args:
        x: vectors along the last axis.
        base: the frozen layer, plain or quantized.
        down: what to look for, one row per direction.
        up: what to write, one column per direction.
        scale: alpha / rank; dividing by the rank keeps the size of the correction when the rank is changed.

    Spec: layers.lora_linear
    Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685.
    """
    return base(x) + like(scale * linear(linear(wide(x), down), up), x)


def merge_lora(
    weight: Float[Tensor, "d_out d_in"], down: Float[Tensor, "rank d_in"], up: Float[Tensor, "d_out rank"], scale: float
) -> Float[Tensor, "d_out d_in"]:
    """Compute the one weight that does what a weight and its correction do together.

    Formula: W' = W + scale · up down

    Why it works:
        Two linear layers in a row are one, and two side by side are one: so is the corrected weight. After training it
        is multiplied out once, and the model costs what it cost before. This is what sets low-rank corrections apart
        from adapters with a nonlinearity inside, which cost time at every use.

    The correction is that of `lora_linear`; the weight has one row per output.

    Spec: layers.merge_lora
    Source: Hu et al. 2021, arXiv:2106.09685.
    """
    return (wide(weight) + scale * linear(wide(up), wide(down).mT)).to(weight.dtype)


class LoraLinear(nn.Module):
    """A frozen linear layer, plain or quantized, with the two thin matrices of `lora_linear` beside it.

    `down` starts normal with standard deviation 1/√d_in, so that it keeps the size of x; `up` starts at
    zero, so that nothing is changed at first. Were both zero, both gradients would be zero for ever.

    The state is that of the unmerged adapter, with its scale; loading into a merged one unmerges that first.

    Args:
        base: the layer to adapt; its weights are frozen.
        rank: how many directions.
        alpha: the correction is scaled by alpha / rank.
        generator: source of the initial values; None takes torch's global one.
    """

    def __init__(
        self,
        base: Linear | nn.Linear | QuantizedLinear,
        rank: int,
        alpha: float,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        stored = base.scales if isinstance(base, QuantizedLinear) else base.weight
        d_out, d_in = base.weight.shape
        if type(rank) is not int or not 1 <= rank <= min(d_out, d_in):
            raise LayersError(f"rank must be a whole number from 1 to {min(d_out, d_in)}, but was {rank!r}")
        if not 0 < alpha < float("inf"):
            raise LayersError(f"alpha must be a number above 0, but was {alpha!r}")
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, d_in, dtype=stored.dtype, device=stored.device))
        self.up = nn.Parameter(torch.zeros(d_out, rank, dtype=stored.dtype, device=stored.device))
        if not self.down.is_meta:
            nn.init.normal_(self.down, std=d_in**-0.5, generator=generator)
        self._unmerged: Tensor | None = None
        self.register_state_dict_post_hook(LoraLinear._complete_state)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(LoraLinear._prepare_loading)  # type: ignore[no-untyped-call]

    @property
    def merged(self) -> bool:
        """Whether the adapter is merged into the base's weight."""
        return self._unmerged is not None

    @property
    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """The corrected weight."""
        return self.base.weight if self.merged else merge_lora(self.base.weight, self.down, self.up, self.scale)

    @property
    def bias(self) -> Float[Tensor, " d_out"] | None:
        """The bias of the base."""
        return self.base.bias

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Apply the base and add the correction."""
        if self.merged:
            y: Tensor = self.base(x)
            return y
        return lora_linear(x, self.base, self.down, self.up, self.scale)

    def merge(self) -> None:
        """Multiply the correction into the weight, and keep the weight as it was for `unmerge`."""
        if isinstance(self.base, QuantizedLinear):
            raise LayersError(
                "an adapter cannot be merged into quantized weights: merge before quantizing, or leave it unmerged"
            )
        if not self.merged:
            corrected = merge_lora(self.base.weight, self.down, self.up, self.scale).detach()
            self._unmerged = self.base.weight.detach().clone()
            self.base.weight.data.copy_(corrected)

    def unmerge(self) -> None:
        """Put the weight back as it was, bit for bit; subtracting the correction again would not."""
        if self._unmerged is not None:
            self._refuse_quantized()
            self.base.weight.data.copy_(self._unmerged)
            self._unmerged = None

    def learned(self) -> dict[str, Tensor]:
        """Return all that is kept of the adapter; the scale too, without which the rest means something else."""
        scale = torch.tensor(self.scale, dtype=torch.float64, device="cpu")
        return {"down": self.down.detach(), "up": self.up.detach(), "scale": scale}

    def _refuse_quantized(self) -> None:
        if isinstance(self.base, QuantizedLinear):
            raise LayersError(
                "an adapter cannot leave quantized weights: unmerge before quantizing, or call remove_lora to keep it"
            )

    def _complete_state(self, state: dict[str, Any], prefix: str, *_: Any) -> None:
        state[f"{prefix}scale"] = self.learned()["scale"]
        if self._unmerged is not None:
            self._refuse_quantized()
            state[f"{prefix}base.weight"] = self._unmerged.to(self.base.weight)

    def _prepare_loading(self, state: dict[str, Any], prefix: str, *_: Any) -> None:
        if state:
            self.unmerge()
        self.scale = float(state.pop(f"{prefix}scale", self.scale))


def add_lora(
    model: nn.Module,
    rank: int,
    alpha: float,
    names: Collection[str] | None = None,
    generator: torch.Generator | None = None,
) -> tuple[str, ...]:
    """Freeze a model and add a low-rank adapter to its linear layers, in place.

    Only the adapters can be trained afterwards; at first the outputs of the model are the old ones, to the last bit.

    Args:
        model: plain or quantized.
        rank: how many directions each adapter has.
        alpha: adapters are scaled by alpha / rank.
        names: which layers, by the last part of their name (`"query"`) or by the whole of it; None takes all but the
            head and routers. The stacked weights of experts are no linear layers: they are frozen and get no adapter.
        generator: source of the initial values; None takes torch's global one.

    Returns:
        The adapted layers, by name.

    Raises:
        LayersError: when a name fits no layer, the model has adapters already, or rank or alpha are out of range;
            nothing is changed then.
    """
    if _corrected(model):
        raise LayersError("the model must have no LoRA adapters yet, but has: call remove_lora first")
    kinds = (Linear, nn.Linear, QuantizedLinear)
    maps = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
    last = {name: name.rpartition(".")[2] for name in maps}
    unknown = sorted(set(names or ()) - set(maps) - set(last.values()))
    if unknown:
        raise LayersError(
            f"names must be linear layers of the model, but {', '.join(unknown)} is none; "
            f"there are {', '.join(sorted(set(last.values())))}"
        )
    chosen = [
        name
        for name in maps
        if (last[name] not in SKIPPED_MODULES if names is None else {name, last[name]} & set(names))
    ]
    if not chosen:
        raise LayersError("names must choose at least one linear layer, but chose none")
    frozen = {weight: weight.requires_grad for weight in model.parameters()}
    try:
        corrected = {name: LoraLinear(maps[name], rank, alpha, generator) for name in chosen}
    except LayersError:
        for weight, before in frozen.items():
            weight.requires_grad_(before)
        raise
    model.requires_grad_(False)
    for name, module in corrected.items():
        replace_module(model, name, module)
    return tuple(chosen)


def merge_all_lora(model: nn.Module) -> None:
    """Merge every adapter into its weight, for a model that is as fast as before."""
    for module in _required(model).values():
        module.merge()


def unmerge_all_lora(model: nn.Module) -> None:
    """Unmerge every adapter; the weights are what they were, bit for bit."""
    for module in _required(model).values():
        module.unmerge()


def remove_lora(model: nn.Module, *, discard: bool = False) -> None:
    """Put the plain linear layers back, with the adapters that are merged, and unfreeze the model.

    Args:
        model: with adapters.
        discard: True drops adapters that are trained and not merged.

    Raises:
        LayersError: when training would be lost and `discard` is False; nothing is changed then.
    """
    adapters = _required(model)
    lost = [name for name, module in adapters.items() if not module.merged and bool(module.up.any())]
    if lost and not discard:
        raise LayersError(
            f"adapters must be merged before they are removed, but {len(lost)} of {len(adapters)} are trained and not "
            f"merged ({lost[0]}): call merge_all_lora first, or pass discard=True to lose their training"
        )
    for name, module in adapters.items():
        replace_module(model, name, module.base)
    model.requires_grad_(True)


def lora_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of the adapters alone, by name: all that a fine-tuning has to keep.

    Load them with `model.load_state_dict(weights, strict=False)` into a `Decoder` with adapters of the same layers and
    rank; their alpha follows what is loaded. One without them refuses.
    """
    return {
        f"{name}.{kind}": weight
        for name, module in _required(model).items()
        for kind, weight in module.learned().items()
    }


def refuse_lost_adapters(model: nn.Module, keys: Any) -> None:
    """Refuse a state whose adapters the model has no place for; torch would drop them where strict is False.

    Raises:
        LayersError: naming the first of them.
    """
    kinds = (Linear, nn.Linear, QuantizedLinear, LoraLinear)
    layers = {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, kinds)}
    # Only the last parts are compared: a wrapper or torch.compile puts a prefix before the name, or into it.
    ends = tuple(f".{layer}.{kind}" for layer in layers for kind in ("down", "up"))
    if lost := [key for key in keys.unexpected_keys if f".{key}".endswith(ends)]:
        raise LayersError(
            f"the model must have LoRA adapters to load {lost[0]}, but has none of that name: call add_lora first, and "
            "take the names and the model both with their wrapper (torch.compile, DataParallel, PEFT) or both without"
        )


def _corrected(model: nn.Module) -> dict[str, LoraLinear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLinear)}


def _required(model: nn.Module) -> dict[str, LoraLinear]:
    found = _corrected(model)
    if not found:
        raise LayersError("the model must have LoRA adapters, but has none: call add_lora first")
    return found
