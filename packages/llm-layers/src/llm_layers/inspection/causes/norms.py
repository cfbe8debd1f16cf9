"""What may be wrong with a norm, when its input is right."""

from collections.abc import Iterator

import torch
from torch import Tensor

from llm_layers.inspection.causes.guess import Guess, Scene
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.flow import NORMS


def norm_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess what B does where A has a norm: another epsilon, another middle, another gain."""
    x, gain, bias = norm_input(scene), scene.weight(f"{scene.part}.gain"), scene.weight(f"{scene.part}.bias")
    right, b = scene.a.values[scene.point], scene.target
    if x is None or gain is None:
        return
    x, layer, shape = x.double(), scene.config.design.norm == "layer", scene.target.shape
    offset = 1.0 if scene.config.design.norm == "rms_unit_offset" else 0.0
    gain = gain.double() + offset
    added = torch.zeros_like(gain) if bias is None else bias.double()
    wide = x.shape[-1] != gain.shape[0]  # OLMo 2 normalises over all heads at once
    if wide:
        x, b = _side_by_side(x), _side_by_side(b)

    def laid(y: Tensor) -> Tensor:
        y = y.to(right.dtype)
        return y.reshape(shape[0], shape[2], shape[1], shape[3]).transpose(1, 2) if wide else y

    eps = scene.config.norm_eps
    middle = x.mean(dim=-1, keepdim=True) if layer else torch.zeros_like(x[..., :1])
    square = (x - middle).square().mean(dim=-1, keepdim=True)

    def normed(
        middle: Tensor = middle, square: Tensor = square, gain: Tensor = gain, added: Tensor = added, eps: float = eps
    ) -> Tensor:
        return laid((x - middle) / (square + eps).sqrt() * gain + added)

    if not scene.describes(normed()):
        return
    implied = _implied_eps(x - middle, square, gain, b.double() - added)
    if implied is not None:
        says = f"{{b}} adds {implied:.3g} to the mean square in {scene.point}, {{a}} adds {eps:.3g}"
        yield Guess(name="another epsilon", says=says, value=normed(eps=implied))
    outside = (x - middle) / (square.sqrt() + eps) * gain + added
    says = f"{{b}} adds epsilon to the root in {scene.point}, {{a}} adds it inside the root"
    yield Guess(name="epsilon outside the root", says=says, value=laid(outside))
    for change, words in ((1.0, "1 + gain"), (-1.0, "gain - 1")):
        says = f"{{b}} multiplies by {words} in {scene.point}, where {{a}} multiplies by the gain"
        yield Guess(name="gain counted from one", says=says, value=normed(gain=gain + change))
    says = f"{{b}} does not multiply by the gain in {scene.point}"
    yield Guess(name="gain missing", says=says, value=normed(gain=torch.ones_like(gain)))
    if bias is not None:
        yield Guess(name="bias missing", says=f"{{b}} adds no bias in {scene.point}", value=normed(added=added * 0))
    other = torch.zeros_like(middle) if layer else x.mean(dim=-1, keepdim=True)
    does = ("does not subtract the mean", "subtracts it") if layer else ("subtracts the mean", "does not")
    says = f"{{b}} {does[0]} in {scene.point}, {{a}} {does[1]}"
    value = normed(middle=other, square=(x - other).square().mean(dim=-1, keepdim=True))
    yield Guess(name="mean subtracted" if not layer else "mean not subtracted", says=says, value=value)
    sample = square * x.shape[-1] / (x.shape[-1] - 1)
    says = f"{{b}} divides the squares by d - 1 in {scene.point}, {{a}} by d"
    yield Guess(name="variance of a sample", says=says, value=normed(square=sample))
    says = f"{{b}} leaves the norm out at {scene.point}"
    yield Guess(name="norm left out", says=says, value=laid(x))
    yield from rounded(scene.a.values[scene.point], scene.target, f"the numbers at {scene.point}")


def norm_input(scene: Scene) -> Tensor | None:
    """Give what a norm reads, in A; that of a query or key norm in heads, [batch, heads, position, d_head]."""
    if scene.point == "final_norm":
        return scene.a.values.get("stream")
    if scene.part in NORMS:
        return scene.value(NORMS[scene.part])
    x = scene.value(scene.part.removesuffix("_norm"))
    if x is None:
        return None
    return x.reshape(*x.shape[:2], -1, scene.config.d_head).transpose(1, 2)


def _side_by_side(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def _implied_eps(centred: Tensor, square: Tensor, gain: Tensor, y: Tensor) -> float | None:
    """Solve y = gain · x / √(mean square + eps) for eps, at the vector that shows it best: the smallest."""
    wanted = centred * gain
    if wanted.shape != y.shape or not bool((y.abs() > 0).any()):
        return None
    # One factor per vector, from all of its numbers; then the median over the smaller half of the vectors.
    factors = (wanted * y).sum(-1, keepdim=True) / (wanted * wanted).sum(-1, keepdim=True).clamp(min=1e-300)
    found = (factors.clamp(min=1e-30) ** -2 - square).flatten()
    smallest = square.flatten().argsort()[: max(1, found.numel() // 4)]
    eps = found[smallest].median().item()
    return float(f"{eps:.3g}") if eps > 0 else None
