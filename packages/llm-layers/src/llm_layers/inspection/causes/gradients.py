"""What may be wrong with a hand-written backward pass: all values agree, and a gradient does not."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from llm_layers.inspection.causes.feed_forward import ACTIVATIONS, OURS
from llm_layers.inspection.causes.guess import Guess, Scene
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.flow import NORMS
from llm_layers.layers.rotary import rotary, rotary_angles

READERS = {source: norm for norm, source in NORMS.items()} | {
    "attention.query": "attention.query_norm",
    "attention.key": "attention.key_norm",
}
"""Point -> the norm that may read it."""


def gradient_guesses(scene: Scene, right: Tensor, target: Tensor) -> Iterator[Guess]:
    """Guess how B takes the loss back, at a point whose gradient differs although all later ones agree.

    Args:
        scene: the place.
        right: the gradient in A.
        target: the gradient in B.
    """
    yield from _through_the_stream(scene, right)
    yield from _through_a_norm(scene, right)
    yield from _through_the_activation(scene)
    if scene.part == "attention.scores":
        yield from _through_the_softmax(scene)
    if scene.part in ("attention.turned_query", "attention.turned_key"):
        yield from _through_the_scores(scene)
    yield from _through_the_rotation(scene, right)
    yield from _whole(scene, right, target, f"the gradient at {scene.point}")


def weight_gradient_guesses(scene: Scene, name: str, right: Tensor, target: Tensor) -> Iterator[Guess]:
    """Guess how B makes the gradient of a weight; the gradient of what it gave is right."""
    if name == "embedding.table":
        of_rows = scene.a.gradients.get("embedding")
        if of_rows is not None:
            last = torch.zeros_like(right)
            for row, id in zip(of_rows.flatten(0, 1), scene.a.ids.flatten().tolist(), strict=True):
                last[id] = row
            says = "in {b} a token that comes several times gets the gradient of its last place, not the sum"
            yield Guess(name="gradient overwritten, not added", says=says, value=last)
    if right.dim() == 2 and right.shape[0] == right.shape[1]:
        says = f"the gradient of {name} in {{b}} is that of {{a}} transposed"
        yield Guess(name="transposed gradient", says=says, value=right.T)
    positions = scene.a.ids.numel()
    says = f"the gradient of {name} is the mean over the {positions} positions in {{b}}, the sum in {{a}}"
    yield Guess(name="mean instead of sum", says=says, value=right / positions)
    yield from _whole(scene, right, target, f"the gradient of {name}")


def _whole(scene: Scene, right: Tensor, target: Tensor, what: str) -> Iterator[Guess]:
    says = f"{what} is zero in {{b}}: the path back is cut, as by detach() or no_grad()"
    yield Guess(name="no gradient", says=says, value=torch.zeros_like(right))
    limit = target.abs().max()
    says = f"{what} is held within ±{limit.item():.5g} in {{b}}"
    yield Guess(name="gradient clipped", says=says, value=right.clamp(-limit, limit))
    yield from rounded(right, target, what)
    c = ((right.double() * target.double()).sum() / right.double().square().sum().clamp(min=1e-300)).item()
    words = {scene.config.d_head**-0.5: " (1/√d_head)", scene.config.d_head**0.5: " (√d_head)"}
    known = next((word for number, word in words.items() if abs(c / number - 1) < 1e-4), "")
    yield Guess(name="a factor", says=f"{what} in {{b}} is {c:.5g}{known} times that in {{a}}", value=right * c)


def _through_the_stream(scene: Scene, right: Tensor) -> Iterator[Guess]:
    """Guess that one of the two ways around a branch is missing."""
    layer, part = scene.layer, scene.part
    if layer is None or part not in ("stream", "between"):
        return
    following = f"blocks.{layer + 1}.stream" if layer + 1 < scene.config.layers else "stream"
    direct = scene.a.gradients.get(scene.full("between") if part == "stream" else following)
    if direct is None:
        return
    says = f"in {{b}} no gradient comes back through the branch that reads {scene.point}"
    yield Guess(name="no gradient through the branch", says=says, value=direct)
    says = f"in {{b}} no gradient comes back along the stream at {scene.point}, only through the branch"
    yield Guess(name="no gradient along the stream", says=says, value=right - direct)


def _through_a_norm(scene: Scene, right: Tensor) -> Iterator[Guess]:
    """Guess that the norm's root, or its mean, is taken for a constant."""
    norm = "final_norm" if scene.point == "stream" else scene.full(READERS.get(scene.part, ""))
    x, dy, gain = scene.a.values.get(scene.point), scene.a.gradients.get(norm), scene.a.weights.get(f"{norm}.gain")
    if x is None or dy is None or gain is None:
        return
    if dy.dim() == 4:  # queries or keys, in heads
        width = scene.config.d_head
        dy = dy.transpose(1, 2)
        if gain.shape[0] != width:
            dy = dy.flatten(2)
        x = x.reshape(dy.shape)
    layer_norm = scene.config.design.norm == "layer"
    gain = gain + (1.0 if scene.config.design.norm == "rms_unit_offset" else 0.0)
    middle = x.mean(-1, keepdim=True) if layer_norm else torch.zeros_like(x[..., :1])
    root = torch.rsqrt((x - middle).square().mean(-1, keepdim=True) + scene.config.norm_eps)
    constant = dy * gain * root
    normed = (x - middle) * root
    whole = constant - normed * (constant * normed).mean(-1, keepdim=True) * 1.0
    whole = whole - (constant.mean(-1, keepdim=True) if layer_norm else 0.0)
    says = f"in {{b}} the backward of {norm} takes the root for a constant: the part through the mean square is missing"
    yield Guess(
        name="norm's root taken for a constant", says=says, value=right + (constant - whole).reshape(right.shape)
    )
    says = f"in {{b}} the backward of {norm} leaves out the gain"
    bare = dy * root
    without = bare - normed * (bare * normed).mean(-1, keepdim=True)
    without = without - (bare.mean(-1, keepdim=True) if layer_norm else 0.0)
    yield Guess(name="gain left out of the gradient", says=says, value=right + (without - whole).reshape(right.shape))


def _through_the_activation(scene: Scene) -> Iterator[Guess]:
    """Guess that the slope is that of another activation, or none."""
    gate, up = scene.value("feed_forward.gate"), scene.value("feed_forward.up")
    back = scene.a.gradients.get(scene.full("feed_forward.inner"))
    if back is None or up is None or scene.part not in ("feed_forward.gate", "feed_forward.up"):
        return
    mine = OURS[scene.config.design.feed_forward]
    bent = up if gate is None else gate
    if scene.part == "feed_forward.up" and gate is not None:
        says = "in {b} the gradient of the up product is not multiplied with the bent gate"
        yield Guess(name="gate left out of the gradient", says=says, value=back)
        return
    before = back if gate is None else back * up
    for name, activation in ACTIVATIONS.items():
        if name != mine:
            says = f"in {{b}} the gradient goes back with the slope of {name}, the values came from {mine}"
            value = before * _slope(activation, bent)
            yield Guess(name="slope of another activation", says=says, value=value)


def _slope(activation: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(activation(leaf).sum(), leaf)
    return slope


def _through_the_softmax(scene: Scene) -> Iterator[Guess]:
    shares = scene.value("attention.shares")
    back = scene.a.gradients.get(scene.full("attention.shares"))
    if shares is None or back is None:
        return
    says = "in {b} the backward of the softmax leaves out that the shares add up to one: Σ share · gradient is missing"
    yield Guess(name="softmax taken for independent shares", says=says, value=shares * back)
    says = "in {b} the gradient goes through the softmax unchanged"
    yield Guess(name="softmax left out of the gradient", says=says, value=back)


def _through_the_scores(scene: Scene) -> Iterator[Guess]:
    """Guess the same where the kernel is one piece: then the first gradients that show it are those of its inputs."""
    shares, value = scene.value("attention.shares"), scene.value("attention.value")
    query, key = scene.value("attention.turned_query"), scene.value("attention.turned_key")
    back = scene.a.gradients.get(scene.full("attention.gathered"))
    if shares is None or value is None or query is None or key is None or back is None:
        return
    config = scene.config
    group = config.heads // config.kv_heads

    def in_heads(x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], -1, config.d_head).transpose(1, 2)

    of_shares = in_heads(back) @ in_heads(value).repeat_interleave(group, dim=1).mT
    of_scores = shares * of_shares * config.d_head**-0.5  # a stretched query carries the rest of the scale
    if scene.part == "attention.turned_query":
        guess = of_scores @ key.repeat_interleave(group, dim=1)
    else:
        guess = (of_scores.mT @ query).unflatten(1, (config.kv_heads, group)).sum(dim=2)
    says = "in {b} the backward of the softmax leaves out that the shares add up to one: Σ share · gradient is missing"
    yield Guess(name="softmax taken for independent shares", says=says, value=guess)


def _through_the_rotation(scene: Scene, right: Tensor) -> Iterator[Guess]:
    """Guess that gradients are turned forward again instead of back."""
    which = scene.part.removeprefix("attention.").removesuffix("_norm")
    config = scene.config
    back = scene.a.gradients.get(scene.full(f"attention.turned_{which}"))
    if back is None or which not in ("query", "key") or config.design.positions == "learned":
        return
    if scene.part.endswith("_norm") or scene.full(f"attention.{which}_norm") not in scene.a.values:
        window = config.window_of(scene.layer or 0)
        local = window is not None and config.local_rope_base is not None
        base = config.local_rope_base if local else config.rope_base
        assert base is not None, "a local base was asked for only where there is one"
        positions = torch.arange(back.shape[2], device=back.device)
        turned = rotary(
            back, rotary_angles(positions, config.d_head, base, back.dtype, None if local else config.rope_scaling)
        )
        value = turned if right.dim() == 4 else turned.transpose(1, 2).flatten(2)
        says = f"in {{b}} the gradient of the {which} is turned forward once more, not back"
        yield Guess(name="gradient turned the wrong way", says=says, value=value)
        says = f"in {{b}} the gradient of the {which} is not turned back"
        plain = back if right.dim() == 4 else back.transpose(1, 2).flatten(2)
        yield Guess(name="gradient not turned", says=says, value=plain)
