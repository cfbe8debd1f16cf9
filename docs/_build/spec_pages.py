"""The specification as pages: an index with a table per package, and one page per contract."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trial_pages
from contract_page import cell, contract_page, page_address

if TYPE_CHECKING:
    from llm_tokenizer.conformance import Specification

PACKAGES = ("llm_tokenizer", "llm_layers", "llm_train", "llm_generate")
DOCS = Path(__file__).parents[1]


def load_specifications(packages: tuple[str, ...] = PACKAGES) -> list[Specification]:
    """Return the specification objects of the installed packages, in the order of PACKAGES."""
    return [importlib.import_module(f"{package}.spec").SPECIFICATION for package in packages]


def specification_pages(specifications: list[Specification], scores: list[dict[str, Any]]) -> dict[str, str]:
    """Return all pages by their addresses."""
    pages = {"spec/index.md": index_page(specifications, scores)}
    for specification in specifications:
        for contract in specification.contracts:
            cases = specification.cases[contract.id]
            slips = specification.slips_of(contract.id)
            pages[page_address(contract)] = contract_page(specification, contract, cases, slips)
    return pages


def navigation(specifications: list[Specification]) -> list[Any]:
    """Return the navigation below the tab."""
    branches: list[Any] = ["spec/index.md", {"Other implementations": trial_pages.ADDRESS}]
    for specification in specifications:
        pages = [{contract.name: page_address(contract)} for contract in specification.contracts]
        branches.append({specification.package: pages})
    return branches


def read_scores(folder: Path) -> list[dict[str, Any]]:
    """The recorded mutation scores, `mutants/llm-layers.json` and the others, in the order of PACKAGES."""
    files = [folder / "mutants" / f"{package.replace('_', '-')}.json" for package in PACKAGES]
    return [json.loads(path.read_text(encoding="utf-8")) for path in files if path.is_file()]


def index_page(specifications: list[Specification], scores: list[dict[str, Any]]) -> str:
    """What is pinned, in one table per package."""
    parts = [_INDEX_HEAD]
    if scores:
        parts.append(_score_table(scores))
    for specification in specifications:
        parts.append(f"## {specification.package}\n\nSpecification version {specification.version}.\n")
        rows = ["| contract | what it pins | clauses | cases | known slips |", "|---|---|--:|--:|--:|"]
        for contract in specification.contracts:
            address = page_address(contract).removeprefix("spec/")
            cases, slips = specification.cases[contract.id], specification.slips_of(contract.id)
            counts = f"{len(contract.clauses)} | {len(cases)} | {len(slips)}"
            rows.append(
                f"| [`{contract.name}`]({address}) | {cell(specification.prose(contract).summary)} | {counts} |"
            )
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _score_table(scores: list[dict[str, Any]]) -> str:
    rows = ["| package | slips | planted faults | caught | score |", "|---|--:|--:|--:|--:|"]
    for score in scores:
        slips, planted = sum(score["slips"].values()), sum(score["planted"].values())
        share = f"{score['caught'] / score['faults']:.1%}"
        rows.append(f"| {score['specification']} | {slips} | {planted} | {score['caught']} | {share} |")
    faults = sum(score["faults"] for score in scores)
    caught = sum(score["caught"] for score in scores)
    slips = sum(sum(score["slips"].values()) for score in scores)
    rows.append(f"| **together** | {slips} | {faults - slips} | {caught} | **{caught / faults:.1%}** |")
    accepted = sum(score["variants accepted"] for score in scores)
    refused = sum(len(score["variants refused"]) for score in scores)
    equivalent = sum(score["equivalent"] for score in scores)
    return (
        _SCORE_HEAD
        + "\n".join(rows)
        + f"\n\nPlanted faults that change no answer at all, each with a written reason, are left out of the count: "
        f"{equivalent}. Correct code written otherwise: {accepted} accepted, {refused} refused.\n" + _SCORE_END
    )


_INDEX_HEAD = """# Specification

What each part must be, as prose and stored answers. Our own code is only the first implementation that is checked;
yours is checked in the same way.
{ .lead }

```console
python -m llm_layers.spec               # ours
python -m llm_layers.spec my_layers     # yours: the file my_layers.py
```

A **contract** says what a function must be, in numbered clauses. A **case** is an input with its *golden*, the stored right answer, and
the mistake that it would catch. A **witness** is an independent computation of a golden: two must agree for an output,
three for a gradient. A **slip** is a mistake that people really make, stored as a small wrong implementation that the cases
must catch. [How to check yours](../how-to/check-my-implementation.md).

## What every function must do

Without a word in its contract, each call is watched. A function

- leaves its arguments as they were, and returns memory of its own, unless the contract allows a view;
- depends on its arguments alone: it is called with other values of the same shapes first, with nearly the same values, and with
  the same objects that hold other values; answers that it gave earlier stay as they were, and belong to the caller, who may
  overwrite them;
- takes arrays in any layout: in order, with gaps, transposed, each in another one, and backwards, which it may refuse; one array may
  be two arguments;
- leaves the process as it was: default dtype, gradient mode, error handling, warnings, environment, the random numbers of NumPy; and
  does not seed those of Python or torch;
- returns the kind of numbers that is asked for: truth values, whole numbers (in their width, where one is stated), floating numbers;
- comes back in time: a call may take 20 seconds of processor time, or what `--seconds` says.

Besides the stored cases there are, in every run, two *fresh* ones for each contract, with other values and the answer of the
reference (`--seed` repeats those of an earlier run). `--quick` leaves out the *varied* ones, in which each argument in turn is 0, 1, tiny,
uneven, unsorted or left out, two are the same, each axis has length one, and all axes are equally long; and the *large* ones, beyond the sizes at which
real code fails: thousands of keys, a hundred thousand ids, texts of a million characters.
"""

_SCORE_HEAD = """## How strong are the cases?

The specification is tested too: mistakes are planted in correct code, and a fault that no case notices would mean
that the cases are too weak. All faults are ours: slips, written by hand; one changed operator, number or comparison at every
place of the reference; and faults of further kinds put around it for every argument that they fit, as a limit on a size, a
range or a number of bits, something remembered, an argument changed. From the last recorded run, in which fresh cases take no
part:

"""

_SCORE_END = """
Every clause has a case in which a slip fails, so none could be dropped unnoticed.

A score on faults of one's own is an upper bound. Other people who saw only `--list`, the contracts and the reference wrote wrong
implementations, in four rounds: of the first 955 the cases caught 80 %, of the next 783 87 %, then 93 % of 897 and 95 % of 1,278, each
time before what survived was closed; of the last round they now catch 98 %. Of its 385 correct implementations six are refused: two
give wrong values after all (a soft cap that loses small scores, an inverse that does not converge far out), and four would need minutes or a
hundred gigabytes for a real vocabulary (`--quick` takes them). What is still let through: sizes beyond those of the large cases; what
contracts leave open, such as another floating type than that of the argument; rounding as coarse as that of float32 where float64
comes in; memory of an earlier call by so many of its values that no call of ours is taken for it; and code that recognizes the
specification and answers from the reference.
"""
