"""What may be wrong with a product with a weight, the head's among them."""

from collections.abc import Iterator

from torch import Tensor
from torch.nn import functional as F

from llm_layers.inspection.causes.feed_forward import whole_guesses
from llm_layers.inspection.causes.guess import Guess, Scene
from llm_layers.inspection.causes.rounding import rounded
from llm_layers.inspection.causes.weights import factor
from llm_layers.inspection.flow import PRODUCTS
from llm_layers.layers.attention import soft_cap


def product_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess what B does with the right input and the right weight."""
    right = scene.a.values[scene.point]
    sources = [x for x in map(scene.value, PRODUCTS.get(scene.part, ())) if x is not None]
    weight, bias = scene.weight(f"{scene.part}.weight"), scene.weight(f"{scene.part}.bias")
    if scene.part == "feed_forward.output":
        weight, bias = scene.weight("feed_forward.down.weight"), scene.weight("feed_forward.down.bias")
    if sources and weight is not None:
        yield from _of_product(scene, sources, weight, bias)
    if scene.part == "feed_forward.output" and scene.full("feed_forward.inner") not in scene.seen:
        yield from whole_guesses(scene)
    yield from rounded(right, scene.target, f"the numbers at {scene.point}")
    yield from factor(right, scene.target, f"what is found at {scene.point}")


def _of_product(scene: Scene, sources: list[Tensor], weight: Tensor, bias: Tensor | None) -> Iterator[Guess]:
    x, point = sources[0], scene.point
    if not scene.describes(F.linear(x, weight, bias)):
        return
    if bias is not None:
        yield Guess(name="bias missing", says=f"{{b}} adds no bias at {point}", value=F.linear(x, weight))
        yield Guess(
            name="bias added twice", says=f"{{b}} adds the bias twice at {point}", value=F.linear(x, weight, 2 * bias)
        )
    if weight.shape[0] == weight.shape[1]:
        says = f"{{b}} multiplies with the transposed weight at {point}"
        yield Guess(name="transposed weight", says=says, value=F.linear(x, weight.T, bias))
    for skipped in sources[1:]:
        says = f"{{b}} reads the stream at {point}, {{a}} what the norm makes of it"
        yield Guess(name="norm left out", says=says, value=F.linear(skipped, weight, bias))
    for other, there in scene.a.weights.items():
        if other.startswith(f"blocks.{scene.layer}.") and there is not weight and there.shape == weight.shape:
            says = f"{{b}} multiplies with {other} at {point}"
            words = {scene.part.split(".")[-1], other.split(".")[-2]}
            name = (
                "gate and up swapped"
                if words == {"gate", "up"}
                else "query and key swapped"
                if words == {"query", "key"}
                else "another weight"
            )
            yield Guess(name=name, says=says, value=F.linear(x, there, bias))


def logit_guesses(scene: Scene) -> Iterator[Guess]:
    """Guess what B does with the last states."""
    states, config, right = scene.a.values.get("final_norm"), scene.config, scene.a.values["logits"]
    if states is not None:
        plain = F.linear(states, scene.head)
        table = scene.a.weights["embedding.table"]
        capped = plain if config.final_logit_softcap is None else soft_cap(plain, config.final_logit_softcap)
        if not scene.describes(capped):
            return
        if "head.weight" in scene.a.weights:
            says = "{b} takes the embedding table for its head, {a} a weight of its own"
            yield Guess(name="head tied to the embedding", says=says, value=F.linear(states, table))
        if config.final_logit_softcap is not None:
            yield Guess(
                name="logit cap left out",
                says=f"{{b}} does not hold the logits within ±{config.final_logit_softcap:g}",
                value=plain,
            )
        for cap in (scene.b.config.final_logit_softcap, 30.0):
            if cap is not None and cap != config.final_logit_softcap:
                yield Guess(
                    name="logit cap",
                    says=f"{{b}} holds the logits within ±{cap:g}, {{a}} does not",
                    value=soft_cap(plain, cap),
                )
        if (stream := scene.a.values.get("stream")) is not None:
            yield Guess(name="norm left out", says="{b} leaves the last norm out", value=F.linear(stream, scene.head))
        yield from rounded(capped, scene.target, "the logits")
    yield from factor(right, scene.target, "what is found at logits")
