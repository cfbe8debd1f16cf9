from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from planted import FAULTS, WithBackward, attends, in_code, in_one_piece
from small_models import FAMILIES, family

from llm_layers import Decoder, LayersError, first_divergence, rotary_interleaved
from llm_layers.inspection import record
from llm_layers.inspection.causes.exchange import Part, gradient_hypotheses, value_hypotheses
from llm_layers.inspection.causes.hypothesis import Mismatch
from llm_layers.inspection.table import divergence_report
from llm_layers.kernels import FAST, FUSED
from llm_layers.layers.rotary_scaling import LinearScaling
from llm_layers.spec import SPECIFICATION

TOO_SMALL_FOR_FLOAT32 = {"code: epsilon", "code: epsilon outside"}


@pytest.mark.parametrize("name", FAULTS)
def test_every_planted_fault_is_found_and_named(name, tmp_path, ids):
    fault = FAULTS[name]
    right = family(fault.family)
    wrong = fault.plant(right, tmp_path)
    found = first_divergence(right.double(), wrong.double(), ids)
    assert found.first is not None
    assert (found.first.name, found.cause) == (fault.first, fault.cause), found.causes
    assert (found.first.kind == "value") == (not name.startswith("backward"))
    assert all(cause.left <= found.first.deviation.relative / 20 for cause in found.causes)
    report = divergence_report(found)
    assert fault.first in report
    assert f"likely cause: {fault.cause}" in report


def test_an_error_in_the_run_without_a_mistake_is_not_hidden(ids):
    def broken(use, tensors):
        raise ZeroDivisionError

    a = record(family("qwen3"), ids)
    mismatch, part = Mismatch(a=a, b=a, point="logits", tolerance=0.0), Part(inputs={}, compute=broken, last="logits")
    for hypotheses in (value_hypotheses(mismatch, part), gradient_hypotheses(mismatch, part, "logits")):
        with pytest.raises(ZeroDivisionError):
            next(hypotheses)


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - TOO_SMALL_FOR_FLOAT32)[::3])
def test_faults_are_named_in_float32_too(name, tmp_path, ids):
    fault = FAULTS[name]
    right = family(fault.family)
    found = first_divergence(right, fault.plant(right, tmp_path), ids)
    assert found.first is not None
    assert (found.first.name, found.cause) == (fault.first, fault.cause), found.causes


@pytest.mark.parametrize("name", ["code: rotary base", "code: future", "code: gate and up", "file: transposed"])
def test_a_fault_in_the_first_model_is_named_from_its_side(name, tmp_path, ids):
    fault = FAULTS[name]
    right = family(fault.family)
    found = first_divergence(fault.plant(right, tmp_path).double(), right.double(), ids)
    assert found.first is not None
    assert (found.first.name, found.cause) == (fault.first, fault.cause)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_agrees_with_its_copy_and_with_the_fused_kernel(name, ids):
    right = family(name).double()
    for other in (copy.deepcopy(right), family(name, FUSED).double()):
        found = first_divergence(right, other, ids)
        assert found.equal
        assert found.cause == "none"
        assert {part.kind for part in found.compared} == {"value", "gradient", "weight's gradient", "weight"}
        assert "no difference" in divergence_report(found)


@pytest.mark.parametrize("slip", SPECIFICATION.slips_of("layers.rms_norm"), ids=lambda slip: slip.name)
def test_every_slip_of_a_contract_is_named_in_a_model(slip, ids, tmp_path):
    def change(model: Decoder) -> None:
        norm = model.blocks[1].attention_norm
        right, norm.eps = norm.kernel, 1e-4
        norm.kernel = partial(WithBackward.apply, right, slip.function) if slip.backward else slip.function

    right = family("qwen3", norm_eps=1e-4).double()
    found = first_divergence(right, in_code(change)(right, tmp_path), ids)
    assert slip.name in [cause.name for cause in found.causes]


def noise(model: Decoder) -> None:
    weight = model.blocks[1].attention.value.weight
    with torch.no_grad():
        weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))


def odd_activation(model: Decoder) -> None:
    part = model.blocks[0].feed_forward
    part.forward = lambda x: part.down(torch.atan(part.gate(x)) * part.up(x))


def odd_kernel(model: Decoder) -> None:
    part = model.blocks[1].attention
    right = part.attend
    part.attend = lambda query, key, value, mask: right(query, key + 0.1 * key.flip(-1), value, mask)


def odd_norm(model: Decoder) -> None:
    part = model.blocks[1].attention_norm
    part.kernel = lambda x, gain, eps: gain * x / x.abs().mean(-1, keepdim=True)


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (noise, "blocks.1.attention.value"),
        (odd_activation, "blocks.0.feed_forward.post"),
        (odd_kernel, "blocks.1.attention.scores"),
        (odd_norm, "blocks.1.attention_norm"),
    ],
)
def test_a_cause_that_nothing_confirms_is_unknown(change, first, ids, tmp_path):
    right = family("qwen3")
    wrong = in_code(change)(right, tmp_path)
    found = first_divergence(right.double(), wrong.double(), ids)
    assert found.first is not None
    assert (found.first.name, found.cause, found.causes) == (first, "unknown", ())
    assert "likely cause: unknown" in divergence_report(found)


def test_a_weight_that_the_text_does_not_use_is_compared_too(ids):
    right = family("qwen3").double()
    wrong = copy.deepcopy(right)
    with torch.no_grad():
        wrong.embedding.table[1] *= 2  # no id of the text
    found = first_divergence(right, wrong, ids)
    assert found.first is not None
    assert (found.first.name, found.first.kind, found.first.deviation.where[0]) == ("embedding.table", "weight", 1)
    assert found.weights == ("embedding.table",)
    assert first_divergence(right, wrong, ids, gradients=False).first == found.first


def test_pairs_of_neighbors_are_named_where_rotary_positions_are_scaled(ids, tmp_path):
    def change(model: Decoder) -> None:
        model.blocks[0].attention.rotary = rotary_interleaved

    right = family("llama", rope_scaling=LinearScaling(factor=4.0)).double()
    assert first_divergence(right, in_code(change)(right, tmp_path), ids).cause == "neighbors paired"


def test_the_tolerance_decides(ids):
    right = family("qwen3").double()
    wrong = copy.deepcopy(right)
    wrong.blocks[0].attention_norm.eps = 2e-6
    found = first_divergence(right, wrong, ids)
    assert found.cause == "another epsilon"
    assert "B adds 2e-06 to the mean square" in found.causes[0].says
    assert first_divergence(right, wrong, ids, tolerance=1e-3).equal


def test_a_tolerance_that_is_given_holds_for_weights_too(ids):
    right = family("qwen3").double()
    wrong = copy.deepcopy(right).to(torch.bfloat16).double()
    assert not first_divergence(right, wrong, ids).equal
    found = first_divergence(right, wrong, ids, tolerance=0.1)
    assert found.equal and not found.weights
    assert "no difference" in divergence_report(found)


def test_a_weight_alone_is_told_with_its_own_limit(ids):
    right = family("qwen3").double()
    wrong = copy.deepcopy(right)
    with torch.no_grad():
        wrong.embedding.table[1] += 2e-9 * right.embedding.table.abs().max()  # no id of the text
    report = divergence_report(first_divergence(right, wrong, ids))
    assert "of its largest value; the limit is 1e-09\n" in report
    assert "  fraction   0% of its values differ" not in report
    assert "at the end: the logits agree again; they are no more than " in report


def test_settings_that_differ_are_told(ids):
    found = first_divergence(family("llama").double(), family("qwen2").double(), ids)
    assert set(found.settings) == {"design"}


def test_nan_in_one_model_is_a_difference(ids):
    right = family("llama").double()
    wrong = copy.deepcopy(right)
    with torch.no_grad():
        wrong.blocks[1].feed_forward.up.weight[3, 2] = float("nan")
    found = first_divergence(right, wrong, ids)
    assert found.first is not None
    assert found.first.name == "blocks.1.feed_forward.up"
    assert found.first.deviation.relative == float("inf")


def test_mistakes_in_the_call_are_told(ids):
    with pytest.raises(LayersError, match="kv_heads is 2 in the first and 4 in the second"):
        first_divergence(family("llama"), family("square"), ids)
    with pytest.raises(LayersError, match="embedding, blocks and final_norm"):
        first_divergence(family("llama"), torch.nn.Linear(2, 2), ids)
    with pytest.raises(LayersError, match="at least 2 tokens"):
        first_divergence(family("llama"), family("llama"), ids[:, :1])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_fast_kernels_give_what_the_clear_ones_do(name, ids):
    """They work in one piece, so fewer points can be seen; those that can must agree."""
    found = first_divergence(family(name), family(name, FAST), ids)
    assert found.equal, found.first
    assert len(found.compared) > 100


@pytest.mark.parametrize("name", ["file: gate and up", "code: SiLU for GELU", "file: transposed", "code: rotary base"])
def test_faults_are_named_beside_the_fast_kernels(name, ids, tmp_path):
    fault = FAULTS[name]
    fast = family(fault.family, FAST)
    found = first_divergence(fault.plant(family(fault.family), tmp_path), fast, ids)
    assert found.cause == fault.cause


def test_a_kernel_that_keeps_its_gradients_to_itself_is_no_fault(ids, tmp_path):
    right = family("qwen3").double()
    other = in_code(attends(1, partial(in_one_piece, False)))(right, tmp_path)
    assert first_divergence(right, other, ids).equal
