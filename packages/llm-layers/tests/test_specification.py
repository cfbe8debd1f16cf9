"""The specification through its own doors: ours, the reference, a stranger's, and low precision inside."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from llm_layers.spec import SPECIFICATION, ours
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.command import main
from llm_tokenizer.conformance.harness import PASS, check_implementation


@pytest.mark.parametrize("contract", [contract.id for contract in SPECIFICATION.contracts])
def test_ours_and_the_reference_meet_it(contract: str) -> None:
    for implementation in (SPECIFICATION.ours, Implementation(SPECIFICATION.reference, name="reference")):
        result = check_implementation(SPECIFICATION, implementation, contract)
        assert [verdict.contract.id for verdict in result.verdicts if verdict.status != PASS] == []


def test_every_contract_has_a_hand_worked_case():
    for contract in SPECIFICATION.contracts:
        cases = SPECIFICATION.cases[contract.id]
        assert any(case.kind == "by hand" and case.worked for case in cases), contract.id
        for case in cases:
            numbers = sum(getattr(value, "size", 0) for value in case.inputs.values())
            assert numbers <= 500, f"{contract.id}/{case.id}"


def test_every_contract_has_at_least_four_slips():
    for contract in SPECIFICATION.contracts:
        assert len(SPECIFICATION.slips_of(contract.id)) >= 4


def test_float32_inside_is_accepted_where_a_case_has_a_tolerance_for_it():
    def low(function):
        def call(*inputs):
            given = [x.float() if torch.is_tensor(x) and x.is_floating_point() else x for x in inputs]
            y = function(*given)
            return tuple(as_given(one, inputs[0]) for one in y) if isinstance(y, tuple) else as_given(y, inputs[0])

        return call

    def as_given(y, first):
        both = (y, first)
        return y.to(first.dtype) if all(torch.is_tensor(one) and one.is_floating_point() for one in both) else y

    names = [
        contract.name for contract in SPECIFICATION.contracts if contract.name not in ("embedding", "dequantize_int8")
    ]
    stranger = SimpleNamespace(**{name: low(getattr(ours, name)) for name in names})
    result = check_implementation(SPECIFICATION, Implementation(stranger, arrays="torch", name="stranger"))
    failures = [outcome.case for verdict in result.verdicts for outcome in verdict.failures]
    refused = [case for case in failures if "float32" in case.tolerance or case.kind == "varied"]
    assert [f"{case.contract}: {case.id}" for case in refused] == []
    assert {"layers.softmax", "layers.layer_norm", "layers.cross_entropy"} <= {case.contract for case in failures}


def test_what_is_right_in_part_of_the_range_only_is_refused():
    def softmax(scores, axis):
        e = (scores - scores.amax(axis, keepdim=True)).exp() if scores.numel() else scores
        return e / (e.sum(axis, keepdim=True) + 1e-6)

    def gelu(x):
        return torch.where(x > 3.35, x, torch.where(x < -3.35, 0 * x, torch.nn.functional.gelu(x)))

    def layer_norm(x, gain, bias, eps):
        mean = x.mean(-1, keepdim=True)
        y = (x - mean) / (x.square().mean(-1, keepdim=True) - mean.square() + eps).sqrt() * gain
        return y if bias is None else y + bias

    stranger = SimpleNamespace(softmax=softmax, gelu=gelu, layer_norm=layer_norm)
    result = check_implementation(SPECIFICATION, Implementation(stranger, arrays="torch", name="stranger"))
    assert {verdict.contract.name for verdict in result.verdicts if verdict.failures} == {
        "softmax",
        "gelu",
        "layer_norm",
    }


def test_a_slip_is_recognized_and_the_rest_is_not_written_yet():
    def rms_norm(x, gain, eps):
        x = x - x.mean(-1, keepdim=True)
        return gain * x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps)

    stranger = Implementation(SimpleNamespace(rms_norm=rms_norm), arrays="torch", name="stranger")
    result = check_implementation(SPECIFICATION, stranger)
    verdicts = {verdict.contract.id: verdict for verdict in result.verdicts}
    assert verdicts["layers.rms_norm"].recognized.name == "mean subtracted"
    assert verdicts["layers.rotary"].status == "not written yet"
    assert result.failed


def test_contracts_and_their_prose_load_without_torch():
    check = (
        "import sys; from llm_layers.spec import SPECIFICATION as s; "
        "[s.prose(contract) for contract in s.contracts]; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout == "False\n"


DETACHED = """
SPEC_ARRAYS = "torch"
def rms_norm(x, gain, eps):
    return x * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * gain.detach()
"""
OVER_ALL = """
import numpy as np
def cross_entropy(logits, targets, ignored):
    logits = logits - logits.max(axis=-1, keepdims=True)
    counted = targets != ignored
    chosen = np.take_along_axis(logits, np.where(counted, targets, 0)[..., None], -1)[..., 0]
    return np.where(counted, np.log(np.exp(logits).sum(axis=-1)) - chosen, 0).mean()
"""
MANY_AXES = """
import torch
SPEC_ARRAYS = "torch"
def cross_entropy(logits, targets, ignored):
    return torch.nn.functional.cross_entropy(logits, targets, ignore_index=ignored)
"""


@pytest.mark.parametrize(
    ("code", "said", "unsaid"),
    [
        (DETACHED, "which is there for clause 4: The gradient runs through", ["clause 1:", "would catch"]),
        (OVER_ALL, "those of a known mistake: ignored targets in the mean", []),  # beside the NaN of no targets
        (MANY_AXES, "differ", ["does not depend on"]),
    ],
    ids=["the clause of the gradient", "two mistakes, one of them a NaN", "what it does not answer"],
)
def test_what_the_report_says(code, said, unsaid, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tried.py").write_text(code)
    assert main(SPECIFICATION, ["tried.py", "--quick"]) == 1
    printed = capsys.readouterr().out
    assert said in " ".join(printed.split())
    assert not any(words in printed for words in unsaid)
