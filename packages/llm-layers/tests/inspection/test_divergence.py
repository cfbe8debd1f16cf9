from __future__ import annotations

import copy

import pytest
import torch
from conftest import FAMILIES, family
from planted import FAULTS

from llm_layers import LayersError, first_divergence


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", FAULTS)
def test_every_planted_fault_is_found_and_named(name, dtype, tmp_path, ids):
    fault = FAULTS[name]
    right = family(fault.family)
    wrong = fault.plant(right, tmp_path)
    found = first_divergence(right.to(dtype), wrong.to(dtype), ids)
    assert found.first is not None
    assert (found.first.name, found.cause) == (fault.first, fault.cause), found.causes
    assert (found.first.kind == "value") == (not name.startswith("backward"))
