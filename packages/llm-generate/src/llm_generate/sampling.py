"""From logits to one id: temperature, top-k, top-p, and the draw.

```
logits ──▶ divided by the temperature ──▶ top-k ──▶ top-p ──▶ softmax ──▶ one id
```

The two filters, top-k and top-p, take logits and return logits. They remove a token by setting its
logit to -inf, whose probability is exactly 0. They do not set probabilities to 0: the rest would no
longer sum to 1. Equal logits follow one rule everywhere: the lower id comes first. So top-k 1, a
tiny top-p and temperature 0 all choose the same token.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from llm_generate.interface import GenerateError, Sampler
from llm_generate.settings import SamplingSettings, check_temperature, check_top_k, check_top_p


def temperature(logits: Float[Tensor, "*batch vocab"], temperature: float) -> Float[Tensor, "*batch vocab"]:
    """Convert logits to probabilities, sharper below temperature 1 and flatter above.

    Formula: pᵢ = exp(zᵢ / T) / Σⱼ exp(zⱼ / T)

    Why it works:
        Dividing logits by T raises every probability to the power 1/T before they are normalized to sum to 1.
        Squared (T = 1/2), a lead of 3 to 1 becomes 9 to 1; with the square root (T = 2) it shrinks. The ranking never
        changes. Toward T = 0 only the largest logit survives, and T = 0 is defined as exactly that.

        The largest logit is subtracted before the division: it changes no probability, and keeps both the exponential
        and the division by a tiny T from overflowing.

    Args:
        logits: The last axis is the vocabulary; -inf removes a token.
        temperature: 0 or more; with 0 the largest logit has probability 1, the lowest id among equals.

    Returns:
        Probabilities, each row summing to 1.

    Raises:
        GenerateError: The temperature is negative or not a finite number.

    Spec: generate.temperature
    Source: Ackley, Hinton and Sejnowski, "A Learning Algorithm for Boltzmann Machines" (1985).
    """
    check_temperature(temperature)
    if temperature == 0:
        largest = logits.argmax(dim=-1, keepdim=True)  # the first among equals
        return torch.zeros_like(logits).scatter(-1, largest, 1.0)
    return torch.softmax(_scale(logits, temperature), dim=-1)


def top_k(logits: Float[Tensor, "*batch vocab"], k: int) -> Float[Tensor, "*batch vocab"]:
    """Keep the k largest logits of every row, and set all others to -inf.

    Formula: z'ᵢ = zᵢ if rank(i) ≤ k, else -∞; ranked by descending logit, then by ascending id

    Why it works:
        A model gives a little probability to each of its thousands of tokens, and those of the nonsense add up.
        Cutting the list after k tokens removes that tail, whatever its sum. Exactly k remain, even if several logits
        equal the k-th: then the lower ids stay. (Keeping everything that is not *below* the
        k-th logit keeps more than k.)

    Args:
        logits: The last axis is the vocabulary.
        k: At least 1; as large as the vocabulary, or larger, changes nothing.

    Returns:
        The kept logits unchanged, -inf elsewhere.

    Raises:
        GenerateError: k is not a whole number of at least 1.

    Spec: generate.top_k
    Source: Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation" (2018).
    """
    check_top_k(k)
    if k >= logits.shape[-1]:
        return logits
    # The k-th value and a count of ties, not a sort: ten times faster on a large vocabulary.
    smallest_kept = logits.topk(k, dim=-1).values[..., -1:]
    above = logits > smallest_kept
    tied = logits == smallest_kept
    places_left = k - above.sum(dim=-1, keepdim=True)
    return _keep(logits, above | (tied & (tied.cumsum(dim=-1) <= places_left)))


def top_p(logits: Float[Tensor, "*batch vocab"], p: float) -> Float[Tensor, "*batch vocab"]:
    """Keep the fewest, most likely tokens whose probabilities reach p, and set all others to -inf.

    Formula: z'ᵢ = zᵢ if Σ pⱼ over the j ranked before i is below p, else -∞

    Why it works:
        Top-k always keeps k tokens, whether the model is sure or not. Top-p keeps as many as are needed: after "the
        capital of France is" perhaps one, at the start of a sentence hundreds. The token whose probability carries
        the sum across p is kept, so the kept ones always hold at least p, and there is always at least one of them.

    Args:
        logits: The last axis is the vocabulary. Apply the temperature first: it changes what p means.
        p: Above 0, at most 1; 1 changes nothing.

    Returns:
        The kept logits unchanged, -inf elsewhere.

    Raises:
        GenerateError: p is not above 0 and at most 1.

    Spec: generate.top_p
    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020).
    """
    check_top_p(p)
    if p == 1:
        return logits  # summing could round to 1 early and cost the tail
    order = logits.argsort(dim=-1, descending=True, stable=True)  # stable: the lower id first
    probabilities = torch.softmax(logits.gather(-1, order).double(), dim=-1)
    before = torch.nn.functional.pad(probabilities.cumsum(dim=-1)[..., :-1], (1, 0))
    kept = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before < p)  # sorted → by id
    return _keep(logits, kept)


def distribution(logits: Float[Tensor, "*batch vocab"], settings: SamplingSettings) -> Float[Tensor, "*batch vocab"]:
    """Return the probabilities that a token is drawn from: temperature, then top-k, then top-p.

    Why it works:
        Temperature comes first because top-p measures probabilities, and they must be those that are drawn from.
        Top-k comes before top-p, so that p is a fraction of what k has left. In another order the same three
        settings would mean something else.

    Spec: generate.temperature, generate.top_k, generate.top_p
    """
    if settings.temperature == 0:
        return temperature(logits, 0)  # the filters always keep the largest: nothing left to filter
    filtered = _scale(logits, settings.temperature)
    if settings.top_k is not None:
        filtered = top_k(filtered, settings.top_k)
    return torch.softmax(top_p(filtered, settings.top_p), dim=-1)


def draw(probabilities: Float[Tensor, "vocab"], generator: torch.Generator | None = None) -> int:
    """Draw one id: the first whose cumulative probability is above a uniform random number.

    One random number a token (`torch.multinomial` takes one for each entry of the vocabulary), in
    float64 and on the generator's device, so that a seed draws the same on every machine. A token
    of probability 0 is never drawn.
    """
    device = generator.device if generator is not None else torch.device("cpu")
    sums = probabilities.to(device, torch.float64).cumsum(dim=0)
    uniform = torch.rand((), dtype=torch.float64, device=device, generator=generator) * sums[-1]
    index = torch.searchsorted(sums, uniform, right=True)
    last = torch.searchsorted(sums, sums[-1])  # the product may round up to the whole sum
    return int(torch.minimum(index, last))


class CategoricalSampler:
    """Samples from the distribution after temperature, top-k and top-p.

    It serves any number of requests, one after another or at the same time: `generate` and `stream_text` give each
    one random numbers of its own, which begin at `settings.seed`. So the same prompt gives the same text again; for
    several texts of one prompt, use several seeds or give each request a `generator`.
    """

    def __init__(self, settings: SamplingSettings) -> None:
        """Take the settings of its requests."""
        self.settings = settings
        self._generator = new_generator(settings.seed)

    def __call__(self, logits: Float[Tensor, "vocab"], generator: torch.Generator | None) -> int:
        """Return the next id; without a `generator` draw from the sampler's own, which begins at its seed.

        Raises:
            GenerateError: The logits hold no finite maximum: the model is broken, and any token would be arbitrary.
        """
        largest = float(logits.max())  # NaN if any of them is NaN
        if not math.isfinite(largest):
            raise GenerateError(
                f"the model's largest logit is {largest}, and must be a finite number: "
                "its weights are damaged or its training diverged; use another checkpoint."
            )
        if self.settings.temperature == 0:
            return int(logits.argmax())  # greedy: no probabilities needed
        return draw(distribution(logits.float(), self.settings), generator or self._generator)


def new_generator(seed: int | None) -> torch.Generator:
    """Return the random numbers of one request, so that requests never affect each other."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def request_generator(sampler: Sampler, generator: torch.Generator | None) -> torch.Generator:
    """Return the random numbers of one request: those given, else new ones from the seed in the sampler's settings."""
    settings = getattr(sampler, "settings", None)
    return generator or new_generator(settings.seed if isinstance(settings, SamplingSettings) else None)


def _scale(logits: Float[Tensor, "*batch vocab"], temperature: float) -> Float[Tensor, "*batch vocab"]:
    divisor = max(temperature, torch.finfo(torch.float32).tiny)  # a smaller one would be 0 in float32, and 0/0 is NaN
    return (logits - logits.detach().amax(dim=-1, keepdim=True)) / divisor


def _keep(logits: Float[Tensor, "*batch vocab"], kept: Bool[Tensor, "*batch vocab"]) -> Float[Tensor, "*batch vocab"]:
    return logits.masked_fill(~kept, -math.inf)
