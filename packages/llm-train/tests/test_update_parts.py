"""The smaller parts of an update: the accumulation rule, the loss scale, the update ratio, kinds of weights."""

import math

import pytest
import torch
from safetensors.torch import load, save

from llm_layers import Decoder, ModelConfig
from llm_train.backends.threads import Workers
from llm_train.combining import combine
from llm_train.interface import NonFiniteError, Part, TrainError
from llm_train.measures import bits_per_byte, perplexity
from llm_train.optimizers import LossScale, Muon, build_optimizer, update_ratio, update_ratios
from llm_train.optimizers.param_groups import groups_of, kind_of_weight
from llm_train.recipes.settings import OptimizerSettings

CONFIG = ModelConfig(vocab_size=20, d_model=8, layers=1, heads=2, kv_heads=1, d_head=4, d_ff=12, context_length=16)


def part(losses, gradient=0.0):
    return Part(float(sum(losses)), float(len(losses)), {"w": torch.tensor([gradient])})


def test_sums_are_divided_once_by_the_count_of_all():
    loss, gradients, count = combine([part([1, 2, 3], 6.0), part([7], 2.0)])
    assert (loss, count, gradients["w"].item()) == (3.25, 4, 2.0)


def test_a_part_with_nothing_supervised_changes_nothing():
    assert combine([part([1, 2, 3], 6.0), part([])]) == combine(iter([part([]), part([1, 2, 3], 6.0)]))
    assert combine([part([1, 2, 3])])[0] == 2


def test_nothing_supervised_at_all_is_zero_and_not_nan():
    loss, gradients, count = combine([part([]), part([])])
    assert (loss, count, gradients["w"].item()) == (0, 0, 0)


def test_the_parts_keep_their_gradients():
    parts = [part([1], 1.0), part([1], 2.0), part([1], 3.0)]
    combine(parts)
    assert [one.gradients["w"].item() for one in parts] == [1, 2, 3]


def test_a_loss_scale_goes_on_from_its_saved_state():
    one, other = LossScale(interval=3), LossScale(interval=3)
    for found in (True, False, False):
        one.update(found)
    other.load_state(load(save(one.state())))
    assert (other.scale, other.good_steps) == (one.scale, one.good_steps) == (2.0**15, 2)
    other.update(False)
    assert other.scale == 2.0**16


def test_gradients_that_overflow_at_any_scale_end_the_training():
    scale = LossScale(2.0)
    for _ in range(2):
        scale.update(True)
    assert scale.scale == 0.5
    with pytest.raises(NonFiniteError, match=r"at a loss scale of 0\.5 too"):
        scale.update(True)


def test_the_update_ratio_of_each_kind_of_weight():
    before = {"embedding.table": torch.ones(4, 2), "blocks.0.up.weight": torch.ones(2, 2), "norm.gain": torch.ones(3)}
    after = {name: one * (1 + 0.1 * number) for number, (name, one) in enumerate(before.items())}
    ratios = update_ratios(before, after, lambda name, weight: kind_of_weight(name, weight.ndim))
    assert ratios == pytest.approx({"embedding": 0.0, "matrix": 0.1, "vector": 0.2}, rel=1e-5)
    assert update_ratio([torch.zeros(2)], [torch.ones(2)]) == math.inf


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_update_ratio_of_16_bit_weights_is_a_float32_one(dtype):
    before = [torch.full((1000,), 0.5, dtype=dtype)]
    assert update_ratio(before, [before[0] * 1.5]) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "axes", "kind"),
    [
        ("embedding.table", 2, "embedding"), ("positions.table", 2, "embedding"), ("head.weight", 2, "head"),
        ("model.embed_tokens.weight", 2, "embedding"), ("transformer.wpe.weight", 2, "embedding"),
        ("lm_head.weight", 2, "head"), ("blocks.0.attention.query.weight", 2, "matrix"),
        ("blocks.0.attention.query.bias", 1, "vector"), ("final_norm.gain", 1, "vector"),
        ("blocks.0.feed_forward.gate", 3, "matrix"), ("blocks.0.multi_head.weight", 2, "matrix"),
        ("weight", 2, "matrix"),
    ],
)  # fmt: skip
def test_the_kind_of_a_weight_is_in_its_name_and_axes(name, axes, kind):
    assert kind_of_weight(name, axes) == kind


def test_decay_is_where_it_is_set_and_never_on_gains():
    settings = OptimizerSettings(
        matrix_optimizer="adamw", weight_decay=0.1, embedding_decay=0.2, head_decay=0.3, embedding_lr=0.5
    )
    groups = groups_of(settings)
    assert {kind: group.weight_decay for kind, group in groups.items()} == {
        "matrix": 0.1, "embedding": 0.2, "head": 0.3, "vector": 0.0,
    }  # fmt: skip
    (adamw,) = build_optimizer(Decoder(CONFIG), settings).parts["adamw"]
    assert adamw.weight_decay["embedding.table"] == 0.2
    assert adamw.weight_decay["final_norm.gain"] == 0
    assert adamw.learning_rates["embedding.table"] == 0.5


def test_a_stack_of_experts_is_updated_as_its_matrices_one_by_one():
    stack = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1))
    single = {str(number): one.clone() for number, one in enumerate(stack)}
    gradient = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(2))
    kept = gradient.clone()
    together, apart = Muon({"experts": stack}, 0.1, weight_decay=0.1), Muon(single, 0.1, weight_decay=0.1)
    for _ in range(2):
        together.step({"experts": gradient})
        apart.step({str(number): one for number, one in enumerate(gradient)})
    assert torch.equal(gradient, kept)
    torch.testing.assert_close(stack, torch.stack([*single.values()]), rtol=1e-5, atol=1e-6)
    assert together.state()["direction.experts"].shape == stack.shape
    together.load_state(together.state())


def test_muon_refuses_what_is_no_matrix():
    with pytest.raises(TrainError, match="updates matrices, and gain is none: give it to AdamW"):
        Muon({"gain": torch.ones(3)}, 0.1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1e-4, 300.0])
def test_muon_keeps_its_direction_in_float32(dtype, size):
    weight = torch.zeros(4, 4, dtype=dtype)
    muon = Muon({"w": weight}, 0.5, dtype=torch.float32)
    muon.step({"w": (torch.eye(4) * size).to(dtype)})
    assert muon.state()["direction.w"].dtype == torch.float32
    assert (weight.diagonal() < -0.4).all()


def test_a_state_goes_on_with_another_number_of_threads():
    def build(count):
        model = Decoder(CONFIG, generator=torch.Generator().manual_seed(1))
        return build_optimizer(model, OptimizerSettings(), workers=Workers(count)), dict(model.named_parameters())

    one, weights = build(1)
    two, _ = build(2)
    one.step({name: torch.ones_like(weight) for name, weight in weights.items()}, 1.0)
    assert one.state().keys() == two.state().keys()
    two.load_state(one.state())
    assert all(torch.equal(value, two.state()[name]) for name, value in one.state().items())


def test_measures_of_a_loss():
    assert perplexity(math.log(50)) == pytest.approx(50)
    assert perplexity(733.0) == math.inf
    assert bits_per_byte(math.log(2), 0.25) == pytest.approx(0.25)
