"""Losses: what the specification does not reach — memory, reuse of a graph, frozen weights, errors."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from llm_layers import (
    LayersError,
    cross_entropy,
    cross_entropy_sum,
    linear_cross_entropy,
    linear_cross_entropy_sum,
    smoothed_cross_entropy,
    z_loss,
)


@pytest.fixture
def case():
    torch.manual_seed(0)
    hidden = torch.randn(40, 8, dtype=torch.float64, requires_grad=True)
    head = torch.randn(11, 8, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(11, (40,))
    targets[::3] = -100
    return hidden, head, targets


class Largest(TorchDispatchMode):
    """Notes the size of the largest array that any operation gives."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for one in found if isinstance(found, (tuple, list)) else [found]:
            if torch.is_tensor(one):
                self.numbers = max(self.numbers, one.numel())
        return found


def test_no_array_holds_all_logits():
    hidden = torch.randn(64, 2, requires_grad=True)
    head = torch.randn(100, 2, requires_grad=True)
    targets = torch.randint(100, (64,))
    with Largest() as plain:
        cross_entropy(hidden @ head.T, targets).backward()
    with Largest() as ours:
        linear_cross_entropy(hidden, head, targets, rows=8).backward()
    assert plain.numbers == 64 * 100
    assert ours.numbers == 8 * 100


@pytest.mark.parametrize("rows", [1, 7, 1024])
def test_z_loss_comes_with_the_head(case, rows):
    hidden, head, targets = case
    logits = hidden @ head.T
    wanted = cross_entropy(logits, targets) + 0.1 * z_loss(logits, targets)
    found = linear_cross_entropy(hidden, head, targets, rows=rows, z_weight=0.1)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)
    for one, other in zip(
        torch.autograd.grad(found, (hidden, head)), torch.autograd.grad(wanted, (hidden, head)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-14)


def test_a_graph_may_be_walked_twice(case):
    hidden, head, targets = case
    loss = linear_cross_entropy(hidden, head, targets, rows=16)
    first = torch.autograd.grad(loss, (hidden, head), retain_graph=True)
    twice = torch.autograd.grad(loss, (hidden, head), grad_outputs=torch.tensor(2.0, dtype=torch.float64))
    for one, two in zip(first, twice, strict=True):
        torch.testing.assert_close(two, 2 * one, rtol=0, atol=0)


def test_a_second_derivative_is_refused_and_not_wrong(case):
    hidden, head, targets = case
    loss = linear_cross_entropy(hidden, head, targets)
    # times a number that depends on `hidden`: else nothing of the gradient could be differentiated
    (gradient,) = torch.autograd.grad(loss * hidden.sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


@pytest.mark.parametrize("rows", [0, -1])
def test_rows_below_one_are_refused(case, rows):
    with pytest.raises(LayersError, match=f"rows must be at least 1, but was {rows}"):
        linear_cross_entropy(*case, rows=rows)


def test_gradients_of_two_calls_add_up(case):
    hidden, head, targets = case
    for _ in range(2):
        linear_cross_entropy(hidden, head, targets).backward()
    once = torch.autograd.grad(linear_cross_entropy(hidden, head, targets), head)[0]
    torch.testing.assert_close(head.grad, 2 * once, rtol=0, atol=0)


def test_a_frozen_side_gets_no_gradient(case):
    hidden, head, targets = case
    both = torch.autograd.grad(linear_cross_entropy(hidden, head, targets), (hidden, head))
    only_hidden = torch.autograd.grad(linear_cross_entropy(hidden, head.detach(), targets), hidden)[0]
    only_head = torch.autograd.grad(linear_cross_entropy(hidden.detach(), head, targets), head)[0]
    torch.testing.assert_close(only_hidden, both[0], rtol=0, atol=0)
    torch.testing.assert_close(only_head, both[1], rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_evaluation_gives_the_same_loss_and_makes_no_gradient(case, dtype):
    hidden, head, targets = (one.detach().to(dtype) if one.is_floating_point() else one for one in case)
    trained = linear_cross_entropy(hidden.requires_grad_(), head.requires_grad_(), targets, rows=16)
    with torch.no_grad(), Largest() as seen:
        evaluated = linear_cross_entropy(hidden, head, targets, rows=16)
    assert torch.equal(evaluated, trained)
    assert not evaluated.requires_grad
    assert seen.numbers == max(16 * 11, hidden.numel())


def test_smoothing_zero_is_cross_entropy_to_the_last_bit(case):
    hidden, head, targets = case
    logits = hidden @ head.T
    assert torch.equal(smoothed_cross_entropy(logits, targets, 0.0), cross_entropy(logits, targets))


@pytest.mark.parametrize("smoothing", [-0.1, 1.5])
def test_an_impossible_smoothing_is_explained(smoothing):
    with pytest.raises(LayersError, match=f"smoothing must lie between 0 and 1.*{smoothing}"):
        smoothed_cross_entropy(torch.zeros(2, 3), torch.zeros(2, dtype=torch.long), smoothing)


def test_z_loss_pulls_drifting_logits_back():
    logits = torch.full((4, 6), 9.0, requires_grad=True)
    targets = torch.tensor([0, 1, 2, 3])
    start = z_loss(logits, targets).item()
    logits.data -= 2.0 * torch.autograd.grad(z_loss(logits, targets), logits)[0]
    assert z_loss(logits, targets).item() < start
    assert torch.equal(logits.argmax(-1), torch.zeros(4, dtype=torch.long)), "equal logits stay equal"


def test_the_sums_of_parts_make_the_mean_of_the_whole(case):
    hidden, head, targets = case
    targets[:25] = -100  # the means of the halves would make another number
    whole = cross_entropy(hidden @ head.T, targets)
    halves = [linear_cross_entropy_sum(hidden[part], head, targets[part]) for part in (slice(30), slice(30, None))]
    total, count = (sum(sums) for sums in zip(*halves, strict=True))
    torch.testing.assert_close(total / count, whole, rtol=1e-12, atol=0)
    means = [total / count for total, count in halves]
    assert not torch.isclose(sum(means) / 2, whole, rtol=1e-3)


def test_autocast_rounds_no_weight_of_a_target(case):
    hidden, head, targets = (one.detach().float() if one.is_floating_point() else one for one in case)
    with torch.autocast("cpu", torch.bfloat16):
        once, _ = linear_cross_entropy_sum(hidden, head, targets)
        tenth, _ = linear_cross_entropy_sum(hidden, head, targets, torch.full((40,), 0.1))
    torch.testing.assert_close(tenth, 0.1 * once, rtol=1e-6, atol=0)


def test_weights_that_would_learn_get_their_gradient_or_are_refused(case):
    hidden, head, targets = case
    weights = torch.ones(40, dtype=torch.float64, requires_grad=True)
    total, _ = cross_entropy_sum(hidden @ head.T, targets, weights)
    losses = torch.nn.functional.cross_entropy(hidden @ head.T, targets, reduction="none")
    torch.testing.assert_close(torch.autograd.grad(total, weights)[0], losses)
    with pytest.raises(LayersError, match="weights must not require a gradient here"):
        linear_cross_entropy_sum(hidden, head, targets, weights)
