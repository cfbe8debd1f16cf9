"""What sets the three places of the norm apart, as properties; the numbers stand in the specification."""

from functools import partial

import pytest
import torch

from llm_layers import branch_norm, linear, post_norm, pre_norm, rms_norm

WIDTH = 256


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


ONES = torch.ones(WIDTH, dtype=torch.float64)
NORM = partial(rms_norm, gain=ONES)
X = drawn(WIDTH)
WEIGHTS = drawn(48, WIDTH, WIDTH, seed=1) / WIDTH**0.5


def size(x: torch.Tensor) -> float:
    return x.square().mean().sqrt().item()


def stacked(place, x: torch.Tensor, depth: int) -> torch.Tensor:
    for weight in WEIGHTS[:depth]:
        x = place(x, NORM, partial(linear, weight=weight))
    return x


def test_a_part_of_zeros_leaves_the_stream_alone_but_for_post_norm():
    assert torch.equal(pre_norm(X, NORM, torch.zeros_like), X)
    assert torch.equal(branch_norm(X, NORM, torch.zeros_like), X)
    assert torch.equal(post_norm(X, NORM, torch.zeros_like), rms_norm(X, ONES))


def test_a_gain_of_zero_switches_a_branch_off():
    for place in (pre_norm, branch_norm):
        assert torch.equal(place(X, partial(rms_norm, gain=0 * ONES), partial(linear, weight=WEIGHTS[0])), X)


@pytest.mark.parametrize("loudness", [1.0, 1e3, 1e6])
def test_only_behind_the_part_does_a_norm_bound_what_the_part_may_add(loudness):
    loud = partial(linear, weight=loudness * WEIGHTS[0])
    assert size(branch_norm(X, NORM, loud) - X) == pytest.approx(1, rel=1e-5)
    assert size(post_norm(X, NORM, loud)) == pytest.approx(1, rel=1e-5)
    assert size(pre_norm(X, NORM, loud) - X) == pytest.approx(loudness, rel=0.2)


def test_the_stream_grows_as_the_root_of_depth_and_not_at_all_after_post_norm():
    for place in (pre_norm, branch_norm):
        assert size(stacked(place, X, 48)) == pytest.approx(49**0.5, rel=0.1)
    assert size(stacked(post_norm, X, 48)) == pytest.approx(1, rel=1e-5)


def test_post_norm_forgets_the_start_of_the_stream():
    kept = {place: torch.cosine_similarity(stacked(place, X, 24), X, dim=0) for place in (pre_norm, post_norm)}
    assert kept[pre_norm] > 0.15  # about 1/√25
    assert abs(kept[post_norm]) < 0.15  # 2 to the power of -12, and chance


def test_the_gradient_along_the_stream_is_exactly_the_upstream_one_where_the_part_is_silent():
    upstream = drawn(WIDTH, seed=3)
    for place, same in ((pre_norm, True), (branch_norm, True), (post_norm, False)):
        x = X.clone().requires_grad_()
        place(x, partial(NORM, eps=1.0), lambda x: 0 * x).backward(upstream)
        assert torch.equal(x.grad, upstream) is same
