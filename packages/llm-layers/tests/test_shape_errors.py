"""Shapes that do not fit are a sentence with the names of the axes; any other failure stays as it is."""

import subprocess
import sys

CASES = """
import torch
import llm_layers as L
from llm_layers.interface import LayersError

z = torch.zeros
for name, call in {
    "gain": lambda: L.rms_norm(z(2, 8), z(4)),
    "bias": lambda: L.layer_norm(z(2, 8), z(8), bias=z(3)),
    "weight": lambda: L.linear(z(2, 8), z(4, 7)),
    "key": lambda: L.attention(z(2, 5, 8), z(2, 5, 4), z(2, 5, 8)),
    "value": lambda: L.fused_attention(z(2, 5, 8), z(2, 6, 8), z(2, 5, 8)),
    "mask": lambda: L.capped_attention(z(5, 8), z(6, 8), z(6, 8), z(5, 5, dtype=torch.bool), 50.0),
}.items():
    try:
        call()
    except LayersError as error:
        assert str(error).startswith(f"the shape of {name} does not fit: "), error
        print(error)
    else:
        raise AssertionError(name)
for error, call in {
    LayersError: lambda: L.capped_attention(z(5, 8), z(5, 8), z(5, 8), None, -1.0),
    TypeError: lambda: L.attention(z(5, 8), z(5, 8), z(5, 8), z(5, 5)),
}.items():
    try:
        call()
    except error as found:
        assert "does not fit" not in str(found)
    else:
        raise AssertionError(error)
"""


def test_wrong_shapes_are_named_by_their_axes():
    # In a process of its own: where the tests check the shapes in signatures, these calls do not get so far.
    done = subprocess.run([sys.executable, "-c", CASES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == (
        "the shape of gain does not fit: rms_norm must get x (*batch d_model), gain (d_model), "
        "but got x (2, 8), gain (4,)"
    )
