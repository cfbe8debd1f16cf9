"""The arithmetic of the pages on attention and rotary positions is checked in node, by the specification's cases."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import live_layers
import numpy as np
import pytest
from spec_pages import DOCS

from llm_layers import reference
from llm_layers.spec import SPECIFICATION

SCRIPTS = {"attention-steps.js", "attention-explorer.js", "rotary-turn.js", "rotary-turning.js"}
NAMES = {
    "softmax": ("attention-steps.js", "softmax"),
    "causal_mask": ("attention-steps.js", "causalMask"),
    "attention": ("attention-steps.js", "attention"),
    "inverse_frequencies": ("rotary-turn.js", "inverseFrequencies"),
    "rotary": ("rotary-turn.js", "rotary"),
}
# Reads a line `[script, name, inputs]`, and writes what the function gives.
LOOP = """
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [script, name, inputs] = JSON.parse(line);
  console.log(JSON.stringify(require(script)[name](...inputs)));
});
"""

Call = Callable[..., Any]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Iterator[Call | None]:
    """Calls a function of a script; None where there is no node, which is said aloud and is no failure."""
    node = shutil.which("node")
    if node is None:
        with capsys.disabled():
            print("\nnode is not installed: the scripts of the layers were not checked.")
        yield None
        return
    process = subprocess.Popen([node, "-e", LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdin and process.stdout, "both were asked for"

    def call(script: str, name: str, *inputs: Any) -> Any:
        print(json.dumps([str(DOCS / "assets" / script), name, inputs]), file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    with process:
        yield call
        process.stdin.close()


@pytest.mark.parametrize("contract", NAMES)
def test_the_scripts_give_every_golden(call: Call | None, contract: str) -> None:
    cases = SPECIFICATION.cases[f"layers.{contract}"]
    assert len(cases) > 1
    for case in cases if call is not None else []:
        inputs = [value.tolist() if isinstance(value, np.ndarray) else value for value in case.inputs.values()]
        (golden,) = case.outputs.values()
        yours = np.array(call(*NAMES[contract], *inputs), dtype=golden.dtype)
        if golden.size == 0:  # nested lists do not keep the length of what follows an empty axis
            assert yours.size == 0, case.id
            continue
        allowed = case.tolerance.get("float64", 1e-12) * max(1.0, float(np.abs(golden).max()))
        np.testing.assert_allclose(yours, golden, rtol=0, atol=allowed, err_msg=f"{contract}, case {case.id}")


def test_the_steps_of_the_page_end_where_the_reference_ends(call: Call | None) -> None:
    for example in live_layers.explorer_examples():
        query, key, value = (np.array(example[name]) for name in ("query", "key", "value"))
        mask = None if example["mask"] is None else np.array(example["mask"])
        expected = reference.attention(query, key, value, mask)
        if example["y"] is not None:
            np.testing.assert_allclose(expected, example["y"], rtol=0, atol=1e-12)
        if call is None:
            continue
        steps = call("attention-steps.js", "steps", *(example[name] for name in ("query", "key", "value", "mask")))
        assert set(steps) == {"scores", "scaled", "masked", "shares", "mixed"}
        np.testing.assert_allclose(steps["mixed"], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(np.array(steps["scores"]) / np.sqrt(query.shape[-1]), steps["scaled"], atol=1e-12)


def test_only_the_distance_counts(call: Call | None) -> None:
    if call is None:
        return
    for example in live_layers.rotary_examples():
        query, key, base = example["query"], example["key"], example["base"]
        scores = [call("rotary-turn.js", "score", query, key, 3 + shift, shift, base) for shift in (0, 7, 500)]
        np.testing.assert_allclose(scores, scores[0], rtol=0, atol=1e-11)
        wider = call("rotary-turn.js", "withPairs", query, 6)
        assert len(wider) == 12 and wider[: len(query) // 2] == query[: len(query) // 2]


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_scripts_stay_short_and_set_text_only_as_text(script: str) -> None:
    source = Path(DOCS / "assets" / script).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    assert not any(word in source for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("))
    assert not any(word in source for word in ("fetch(", "XMLHttpRequest", "import("))


def test_the_pages_carry_the_goldens_and_stand_without_scripts() -> None:
    for drawn, case in (
        (live_layers.attention_explorer(), "scattered_mask"),
        (live_layers.rotary_turning(), "base"),
    ):
        data = json.loads(drawn.split('<script type="application/json">')[1].split("</script>")[0])
        assert case in json.dumps(data)
        assert "<table" in drawn or "<svg" in drawn
