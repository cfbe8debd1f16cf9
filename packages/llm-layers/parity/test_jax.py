"""The specification takes JAX arrays: correct functions meet it on all stored cases, a mistake is recognized."""

from types import SimpleNamespace

import jax_layers
import pytest

from llm_layers.spec import SPECIFICATION
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.harness import DIFFERS, PASS, check_implementation

WRITTEN = [contract.id for contract in SPECIFICATION.contracts if hasattr(jax_layers, contract.name)]


@pytest.mark.parametrize("contract", WRITTEN)
def test_functions_in_jax_meet_it(contract):
    implementation = Implementation(jax_layers, arrays=jax_layers.SPEC_ARRAYS)
    result = check_implementation(SPECIFICATION, implementation, contract, generated=False)
    statuses = {verdict.contract.id: verdict.status for verdict in result.verdicts}
    assert statuses[contract] == PASS, [
        outcome.difference for verdict in result.verdicts for outcome in verdict.failures
    ]


def test_a_mistake_in_jax_is_recognized():
    wrong = SimpleNamespace(rms_norm=lambda x, *rest: jax_layers.rms_norm(x - x.mean(-1, keepdims=True), *rest))
    result = check_implementation(
        SPECIFICATION, Implementation(wrong, arrays="jax"), "layers.rms_norm", generated=False
    )
    (verdict,) = result.verdicts
    assert verdict.status == DIFFERS
    assert verdict.recognized is not None and verdict.recognized.name == "mean subtracted"
