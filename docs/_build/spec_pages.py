"""The specification as pages: one per contract and one index, made from the contracts and their case files."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axes import axes_in_colour
from golden_values import show_value

if TYPE_CHECKING:
    from llm_tokenizer.spec import Alternative, Argument, Case, Contract, Specification

PACKAGES = ("llm_tokenizer", "llm_layers", "llm_train", "llm_generate")
DOCS = Path(__file__).parents[1]


def load_specifications(packages: tuple[str, ...] = PACKAGES) -> list[Specification]:
    """The specification objects of the installed packages, in the order of the house."""
    return [importlib.import_module(f"{package}.spec").SPECIFICATION for package in packages]


def page_address(contract: Contract) -> str:
    """`layers.rms_norm` stands at `spec/layers/rms_norm.md`."""
    return f"spec/{contract.id.replace('.', '/')}.md"


def specification_pages(specifications: list[Specification], scores: list[dict[str, Any]]) -> dict[str, str]:
    """All pages, address by address."""
    pages = {"spec/index.md": index_page(specifications, scores)}
    for specification in specifications:
        for contract in specification.contracts:
            cases = specification.cases[contract.id]
            slips = specification.slips_of(contract.id)
            pages[page_address(contract)] = contract_page(specification, contract, cases, slips)
    return pages


def navigation(specifications: list[Specification]) -> list[Any]:
    """The branch of the site's navigation below the tab."""
    branches: list[Any] = ["spec/index.md"]
    for specification in specifications:
        pages = [{contract.name: page_address(contract)} for contract in specification.contracts]
        branches.append({specification.package: pages})
    return branches


def read_scores(folder: Path) -> list[dict[str, Any]]:
    """The recorded mutation scores, `mutants/llm-layers.json` and its like, in the order of the house."""
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
            rows.append(
                f"| [`{contract.name}`]({address}) | {_cell(contract.summary)} | {len(contract.clauses)} | {len(cases)} "
                f"| {len(slips)} |"
            )
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def contract_page(
    specification: Specification, contract: Contract, cases: list[Case], slips: list[Alternative]
) -> str:
    """One contract: what, why, clauses, shapes, every case with its goldens, and the known slips."""
    parts = [
        f"# `{contract.id}`\n\n{_prose(contract.summary)}\n{{ .lead }}\n",
        f'<p class="signature"><code>{contract.signature}</code></p>\n',
        f"$$\n{contract.formula}\n$$\n" if contract.formula else "",
        f"## Why it works\n\n{_prose(contract.why)}\n\n{_reading(contract)}",
        _clauses(contract),
        _arguments(contract),
        _gradient(contract),
        _trial(specification, contract),
        _slips(slips),
        "## Cases\n\n" + _CASES_HEAD,
        *[_case(contract, case) for case in cases],
    ]
    return "\n".join(part for part in parts if part)


def _reading(contract: Contract) -> str:
    lines = []
    if contract.page:
        page = contract.page.strip("/")
        name, _, anchor = page.partition("#")
        name = name if name.endswith(".md") else f"{name}.md"
        lines.append(f"Read more: [the explanation](../../{name}{'#' + anchor if anchor else ''}).")
    if contract.source:
        lines.append(f"Source: {_prose(contract.source)}")
    return "<br>\n".join(lines) + "\n" if lines else ""


def _clauses(contract: Contract) -> str:
    lines = [f"{place}. <a id='clause-{place}'></a>{_prose(clause)}" for place, clause in enumerate(contract.clauses, 1)]
    return "## Clauses\n\n" + "\n".join(lines) + "\n"


def _arguments(contract: Contract) -> str:
    rows = ["| | name | axes | meaning |", "|---|---|---|---|"]
    rows += [_argument_row("in", argument) for argument in contract.inputs]
    rows += [_argument_row("out", argument) for argument in contract.outputs]
    return "## Inputs and outputs\n\n" + "\n".join(rows) + "\n"


def _argument_row(direction: str, argument: Argument) -> str:
    if argument.axes is None:
        axes = "a plain value"
    elif argument.axes:
        axes = f"<code>{axes_in_colour(argument.axes.split())}</code>"
    else:
        axes = "a single number"
    return f"| {direction} | `{argument.name}` | {axes} | {_cell(argument.about)} |"


def _gradient(contract: Contract) -> str:
    if not contract.gradients:
        return ""
    names = ", ".join(f"`{name}`" for name in contract.gradients)
    return (
        f"The gradient is pinned too, with respect to {names}. torch and JAX functions are differentiated; "
        f"NumPy code gives it as\n\n<p class='signature'><code>{contract.backward_signature}</code></p>\n"
    )


def _trial(specification: Specification, contract: Contract) -> str:
    module = specification.module.replace("llm_", "my_")
    return (
        "## Put yours on trial\n\n"
        f"Write a function `{contract.name}` in a file `{module}.py`, and run in its folder:\n\n"
        f"```console\n$ python -m {specification.module}.spec {module} -k {contract.name}\n```\n"
    )


def _slips(slips: list[Alternative]) -> str:
    if not slips:
        return ""
    rows = [f"| {_cell(slip.name)} | {_cell(slip.hint)} |" for slip in slips]
    return (
        "## Known slips\n\nMistakes that people really make. Each of them fails at least one case, and a trial "
        "that meets one of them says so.\n\n| slip | what a learner is told |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def _case(contract: Contract, case: Case) -> str:
    kind = case.kind.replace(" ", "-")
    blocks = [_values(contract, "inputs", case.inputs)]
    if case.raises:
        blocks.append(f'<div class="values"><h4>must raise</h4><p><code>{case.raises}</code></p></div>')
    blocks.append(_values(contract, "outputs", case.outputs))
    blocks.append(_values(contract, "upstream gradient", case.upstream))
    blocks.append(_values(contract, "gradients", case.gradients))
    layout = " Arrays are handed over as views that are not contiguous." if case.layout != "contiguous" else ""
    worked = f"\n{_prose(case.worked)}\n" if case.worked else ""
    opened = " open" if case.kind == "by hand" else ""
    return (
        f"### {case.id} {{ #case-{_anchor(case.id)} }}\n\n"
        f'<span class="kind {kind}">{case.kind}</span> [clause {case.clause}](#clause-{case.clause}) · '
        f"catches: {_prose(case.catches)}{layout}\n{worked}\n"
        f"<details class='golden'{opened}><summary>numbers</summary>{''.join(blocks)}{_evidence(case)}</details>\n"
    )


def _values(contract: Contract, title: str, values: dict[str, Any]) -> str:
    if not values:
        return ""
    rows = "".join(
        f'<div class="value"><code class="name">{name}</code>{show_value(value, contract.axes_of(name))}</div>'
        for name, value in values.items()
    )
    return f'<div class="values"><h4>{title}</h4>{rows}</div>'


def _evidence(case: Case) -> str:
    lines = [f"accepted deviation in {dtype}: {value:.1e}" for dtype, value in case.tolerance.items()]
    lines += [f"{name}: {agreement}" for name, agreement in case.witnesses.items()]
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f'<div class="values evidence"><h4>witnesses and tolerance</h4><ul>{items}</ul></div>' if items else ""


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
        f"{equivalent}. Correct code written otherwise: {accepted} accepted, {refused} refused.\n"
    )


def _prose(text: str) -> str:
    """Words of a contract as Markdown: what stands outside of backticks can be no HTML and no emphasis by accident."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        parts[place] = parts[place].replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("-inf", "−∞")
    return "`".join(parts)


def _cell(text: str) -> str:
    """The same inside a table, where a bar would end the cell."""
    return _prose(text).replace("|", "\\|")


def _anchor(identifier: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in identifier.lower()).strip("-")


_INDEX_HEAD = """# Specification

What each part must be stands here as prose and numbers. Our own code is only the first implementation on trial:
yours goes through the same door.
{ .lead }

```console
$ python -m llm_layers.spec                 # ours
$ python -m llm_layers.spec my_layers       # a module with any of the contract names in it
```

A **contract** says what a function must be, in numbered clauses. A **case** is inputs and golden answers, as data, with
the mistake that it would catch. A **witness** is an independent computation of a golden: no number stands here unless
several agree. A **slip** is a mistake that people really make, kept as a small wrong implementation that the cases
must catch. [How to put yours on trial](../how-to/check-my-implementation.md).
"""

_SCORE_HEAD = """## How strong are the cases?

The specification is tested too: mistakes are planted in correct code, and a fault that no case notices would mean
that the cases are too weak. From the last recorded run:

"""

_CASES_HEAD = """Point at a number to see it exactly; green is positive, red is negative, and the tint grows with the size.
"""
