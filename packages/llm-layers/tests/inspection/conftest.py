from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # the planted faults and the small models are imported by name


@pytest.fixture
def ids() -> torch.Tensor:
    """Ten ids, one of them twice."""
    return torch.tensor([[3, 11, 7, 28, 0, 11, 19, 5, 2, 23]])
