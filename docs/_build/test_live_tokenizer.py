"""The live tokenizer is one more implementation that is checked: in node, by the specification's cases."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import token_figures
from spec_pages import DOCS

from llm_tokenizer import BytePairTokenizer
from llm_tokenizer.conformance import Implementation
from llm_tokenizer.conformance.harness import check_implementation
from llm_tokenizer.reference import split_text
from llm_tokenizer.spec import SPECIFICATION

SCRIPT = DOCS / "assets" / "byte-pair.js"
NAMES = {
    "byte_to_unicode": "byteToUnicode",
    "split_text": "splitText",
    "merge_pair": "merge",
    "train_bpe": "trainBpe",
    "encode_bpe": "encodeBpe",
    "decode_bpe": "decodeBpe",
}
# Reads a line `[name, inputs]`, and writes a line `{value}` or `{error}`.
LOOP = """
const functions = require(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [name, inputs] = JSON.parse(line);
  try { console.log(JSON.stringify({ value: functions[name](...inputs) })); }
  catch (error) { console.log(JSON.stringify({ error: String(error) })); }
});
"""

Call = Callable[..., Any]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Iterator[Call | None]:
    """Calls a function of the script; None where there is no node, which is said aloud and is no failure."""
    node = shutil.which("node")
    if node is None:
        with capsys.disabled():
            print("\nnode is not installed: the live tokenizer's script was not checked.")
        yield None
        return
    process = subprocess.Popen(
        [node, "-e", LOOP, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdin and process.stdout, "both were asked for"

    def call(name: str, *inputs: Any) -> Any:
        print(json.dumps([name, inputs]), file=process.stdin, flush=True)
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["value"]

    with process:
        yield call
        process.stdin.close()


def test_the_script_keeps_the_contracts(call: Call | None) -> None:
    if call is None:
        return
    functions = {name: lambda *inputs, theirs=theirs: call(theirs, *inputs) for name, theirs in NAMES.items()}
    functions["decode_bpe"] = lambda *inputs: bytes(call("decodeBpe", *inputs))
    trial = check_implementation(SPECIFICATION, Implementation(SimpleNamespace(**functions), name="byte-pair.js"))
    status = {verdict.contract.name: verdict.status for verdict in trial.verdicts}
    assert {name: status[name] for name in NAMES} == dict.fromkeys(NAMES, "pass")


@pytest.mark.parametrize("text", [token_figures.SENTENCE, "Fare thee well,\n\tgood Größe 猫 😺!", "", " "])
def test_the_script_gives_the_ids_of_the_package_with_the_vocabulary_of_the_page(call: Call | None, text: str) -> None:
    merges = token_figures.shakespeare_merges()
    ids = BytePairTokenizer(merges).encode(text)
    pieces = split_text(text, "gpt2")
    assert [id for word in token_figures.replay(pieces, merges)[-1][1] for id in word] == ids
    if call is not None:
        assert call("encodeBpe", call("splitText", text, "gpt2"), merges) == ids


def test_scripts_stay_short_and_set_text_only_as_text() -> None:
    for script in (SCRIPT, SCRIPT.with_name("live-tokenizer.js")):
        source = script.read_text(encoding="utf-8")
        assert len(source.splitlines()) <= 150
        assert not any(
            word in source for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(")
        )
