"""Run a part of A again with one function exchanged for a known mistake, and see whether that gives what B has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from llm_layers.inspection.causes.hypothesis import Hypothesis, Mismatch
from llm_layers.inspection.deviation import relative_deviation
from llm_layers.spec import SPECIFICATION

Function = Callable[..., Any]
Tensors = dict[str, Tensor]
Setting = tuple[str, str, dict[str, Any]]
"""A name, a sentence, and the settings of a part that would be wrong."""
ACTIVATIONS = ("silu", "gelu", "gelu_tanh", "relu_squared")


class Mistake(NamedTuple):
    """A wrong function that takes what a contract's function takes; with `backward` a wrong gradient, in NumPy."""

    name: str
    hint: str
    function: Function
    backward: bool = False


def contract_function(name: str) -> Function:
    """Return the package's own function of a contract."""
    function: Function = getattr(SPECIFICATION.ours.namespace, name)
    return function


# Mistakes of whole models, for which the specification of a single function has no slip.
FURTHER = {
    "rms_norm": (
        Mistake("norm left out", "there is no norm", lambda x, gain, eps: x),
        Mistake("gain - 1", "the gain is taken as gain - 1", lambda x, gain, eps: _own("rms_norm", x, gain - 1, eps)),
    ),
    "layer_norm": (Mistake("norm left out", "there is no norm", lambda x, gain, bias, eps: x),),
    "rotary": (
        Mistake("no rotation", "nothing is rotated", lambda x, positions, base: x),
        Mistake(
            "positions from -1", "positions are counted from -1", lambda x, p, base: _own("rotary", x, p - 1, base)
        ),
    ),
    "causal_mask": (
        Mistake("future visible", "all positions are visible", lambda q, k: torch.ones_like(q[:, None] == k)),
        Mistake("one too late", "the next position is visible too", lambda q, k: _own("causal_mask", q + 1, k)),
    ),
    "attention": (
        Mistake("future visible", "the mask is not used", lambda q, k, v, mask: _own("attention", q, k, v, None)),
    ),
}


def _own(name: str, *inputs: Any) -> Any:
    return contract_function(name)(*inputs)


def mistakes_of(name: str) -> Iterator[Mistake]:
    """Return the known mistakes with a function: the slips of its contract, and those above."""
    for slip in SPECIFICATION.slips_of(f"layers.{name}"):
        yield Mistake(slip.name, slip.hint, slip.function, slip.backward)
    yield from FURTHER.get(name, ())
    for other in ACTIVATIONS if name in ACTIVATIONS else ():
        if other != name:
            yield Mistake(other, f"the activation is {other}", contract_function(other))


@dataclass
class Use:
    """Hands out the functions of a part by their contract: the package's own, or in one place another.

    Args:
        name: the contract whose function is exchanged; empty exchanges nothing.
        by: what is used instead.
        where: only there, as in "query"; None exchanges it everywhere.
    """

    name: str = ""
    by: Function | None = None
    where: str | None = None
    met: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, name: str, where: str = "") -> Function:
        """Return the function, or what takes its place."""
        self.met.setdefault(name, []).append(where)
        return self.by if self.by and name == self.name and self.where in (None, where) else contract_function(name)

    def exchanges(self, name: str) -> bool:
        """Return whether this function is exchanged; where it is not, its parts can be exchanged one by one."""
        self.met.setdefault(name, [])
        return name == self.name


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of A that can be run again on the tensors that A gave it.

    Args:
        inputs: point or weight -> tensor.
        compute: runs it with the functions that a `Use` hands out, and returns the points that it makes.
        last: the point through which the loss sees it.
        settings: of `compute`, which would be wrong.
    """

    inputs: Tensors
    compute: Callable[..., Tensors]
    last: str
    settings: tuple[Setting, ...] = ()

    def run(self, use: Use, **settings: Any) -> Tensors:
        """Compute its points, as a recording keeps them."""
        with torch.no_grad():
            points = self.compute(use, self.inputs, **settings)
        for name in points:
            if name.endswith("attention.scores"):  # a recording holds 0 where a key is hidden
                hidden = points[name.replace("scores", "pattern")] == 0
                points[name] = points[name].masked_fill(hidden, 0.0)
        return points

    def gradients(self, a: Tensors, use: Use) -> Tensors:
        """Return the gradients of its inputs and of the points inside it, from that of its last point."""
        leaves = {name: x.detach().clone().requires_grad_(x.is_floating_point()) for name, x in self.inputs.items()}
        with torch.enable_grad():
            points = self.compute(use, leaves)
        last = points.pop(self.last)
        wanted = {name: x for name, x in (leaves | points).items() if x.requires_grad}
        upstream = a[self.last].reshape(last.shape)
        found = torch.autograd.grad(last, [*wanted.values()], upstream, allow_unused=True, materialize_grads=True)
        return dict(zip(wanted, found, strict=True))


def value_hypotheses(mismatch: Mismatch, part: Part) -> Iterator[Hypothesis]:
    """Predict the values of a part with one mistake in it; nothing where even without one they are not A's."""
    plain = Use()
    right = mismatch.a.values
    points = {name: x for name, x in part.run(plain).items() if name in right}
    if any(
        relative_deviation(x.reshape(right[name].shape), right[name]) > mismatch.tolerance for name, x in points.items()
    ):
        return
    for mistake, use in _exchanges(plain, lambda name, mistake: mistake.function, backward=False):
        yield Hypothesis(name=mistake.name, says=_sentence(mistake, use), predicts=_tried(partial(part.run, use)))
    for name, says, changes in part.settings:
        yield Hypothesis(name=name, says=says, predicts=_tried(partial(part.run, Use(), **changes)))


def gradient_hypotheses(mismatch: Mismatch, part: Part, name: str) -> Iterator[Hypothesis]:
    """Predict the gradients inside a part and of what it reads, one of them `name`, with one wrong backward pass."""
    gradients = mismatch.a.gradients
    right = gradients | mismatch.a.weight_gradients
    if part.last not in gradients:
        return
    plain = Use()
    whole = part.gradients(gradients, plain)
    if name not in whole:
        return
    for mistake, use in _exchanges(plain, _with_backward, backward=True):
        changed = _tried(partial(part.gradients, gradients, use))
        predicts = {
            point: right[point] + x.reshape(right[point].shape) - whole[point].reshape(right[point].shape)
            for point, x in changed.items()
            if point in right and x.numel() == right[point].numel()
        }
        yield Hypothesis(name=mistake.name, says=_sentence(mistake, use), predicts=predicts)
    says = f"in {{b}} no gradient flows from {part.last} back to {name}"
    rest = right[name] - whole[name].reshape(right[name].shape)
    yield Hypothesis(name="no gradient", says=says, predicts={name: rest})


def _exchanges(
    plain: Use, made: Callable[[str, Mistake], Function], *, backward: bool
) -> Iterator[tuple[Mistake, Use]]:
    for name, places in plain.met.items():
        for mistake in sorted(mistakes_of(name), key=lambda mistake: not mistake.backward):
            if backward or not mistake.backward:
                for where in (None, *places) if len(places) > 1 and not backward else (None,):
                    yield mistake, Use(name, made(name, mistake), where)


def _sentence(mistake: Mistake, use: Use) -> str:
    return f"{use.name}{f' of the {use.where}' if use.where else ''} in {{b}}: {mistake.hint}"


def _tried(run: Callable[[], Tensors]) -> Tensors:
    try:
        return run()
    except Exception:  # a mistake may be one that fails on these very tensors: then it predicts nothing
        return {}


def _with_backward(name: str, mistake: Mistake) -> Function:
    """Return a contract's function with the gradient of a mistake."""
    if mistake.backward:
        return lambda *inputs: _WrongBackward.apply(name, mistake.function, *inputs)  # type: ignore[no-untyped-call]

    def straight_through(*inputs: Any) -> Any:
        right, wrong = _own(name, *inputs), mistake.function(*inputs)
        if isinstance(right, tuple):
            return tuple(_value_of(*both) for both in zip(right, wrong, strict=True))
        return _value_of(right, wrong)

    return straight_through


def _value_of(right: Tensor, wrong: Tensor) -> Tensor:
    return right.detach() + (wrong - wrong.detach()) if right.is_floating_point() else right


class _WrongBackward(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, name: str, backward: Function, *inputs: Any) -> Any:
        context.of = name, backward, inputs
        outputs = _own(name, *inputs)
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        context.mark_non_differentiable(*(y for y in several if not y.is_floating_point()))
        return outputs

    @staticmethod
    def backward(context: Any, *upstream: Any) -> Any:
        name, backward, inputs = context.of
        contract = SPECIFICATION.contract(f"layers.{name}")
        found = backward(*map(_in_numpy, (*upstream, *inputs)))
        found = dict(zip(contract.gradients, found if isinstance(found, tuple) else (found,), strict=True))
        return None, None, *(_like(found.get(a.name), x) for a, x in zip(contract.inputs, inputs, strict=False))


def _in_numpy(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return (x.detach().double() if x.is_floating_point() else x).cpu().numpy()


def _like(gradient: Any, x: Any) -> Tensor | None:
    if gradient is None or not isinstance(x, Tensor):
        return None
    return torch.as_tensor(gradient, dtype=x.dtype, device=x.device).sum_to_size(x.shape)
