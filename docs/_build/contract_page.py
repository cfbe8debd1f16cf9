"""One page per contract: what, why, clauses, shapes, every case with its goldens, and the known slips."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from axes import axes_in_color
from golden_values import show_value

from llm_tokenizer.conformance.made_cases import ruled_cases

if TYPE_CHECKING:
    from llm_tokenizer.conformance import Alternative, Argument, Case, Contract, Specification


def page_address(contract: Contract) -> str:
    """`layers.rms_norm` is at `spec/layers/rms_norm.md`."""
    return f"spec/{contract.id.replace('.', '/')}.md"


def contract_page(specification: Specification, contract: Contract, cases: list[Case], slips: list[Alternative]) -> str:
    """One contract: what, why, clauses, shapes, every case with its goldens, and the known slips."""
    words = specification.prose(contract)
    parts = [
        f"# `{contract.id}`\n\n{prose(words.summary)}\n{{ .lead }}\n",
        f'<p class="signature"><code>{contract.signature}</code></p>\n',
        _formula(words.formula),
        f"## Why it works\n\n{prose(words.why)}\n\n{_reading(contract, words.source)}",
        _clauses(contract),
        _arguments(contract),
        _gradient(contract),
        _how_to_check(specification, contract),
        _slips(slips),
        "## Cases\n\n" + _CASES_HEAD,
        *[_case(contract, case, opened=place == 0) for place, case in enumerate(cases)],
        _large_cases(ruled_cases(specification, contract)),
    ]
    return "\n".join(part for part in parts if part)


def _formula(text: str) -> str:
    lines = "<br>".join(f"<code>{html.escape(line)}</code>" for line in text.splitlines())
    return f'<p class="formula">{lines}</p>\n' if text else ""


def _reading(contract: Contract, source: str) -> str:
    lines = []
    if contract.page:
        page = contract.page.strip("/")
        name, _, anchor = page.partition("#")
        name = name if name.endswith(".md") else f"{name}.md"
        lines.append(f"Read more: [the explanation](../../{name}{'#' + anchor if anchor else ''}).")
    if source:
        lines.append(f"Source: {prose(source)}")
    return "<br>\n".join(lines) + "\n" if lines else ""


def _clauses(contract: Contract) -> str:
    lines = [f"{place}. <a id='clause-{place}'></a>{prose(clause)}" for place, clause in enumerate(contract.clauses, 1)]
    terms = f"{prose(contract.terms)}\n\n" if contract.terms else ""
    return "## Clauses\n\n" + terms + "\n".join(lines) + "\n"


def _arguments(contract: Contract) -> str:
    rows = ["| | name | axes | meaning |", "|---|---|---|---|"]
    rows += [_argument_row("in", argument) for argument in contract.inputs]
    rows += [_argument_row("out", argument) for argument in contract.outputs]
    views = "\nAn answer may share memory with an argument.\n" if contract.views else ""
    return "## Inputs and outputs\n\n" + "\n".join(rows) + "\n" + views


def _argument_row(direction: str, argument: Argument) -> str:
    if argument.axes is None:
        axes = "a plain value"
    elif argument.axes:
        axes = f"<code>{axes_in_color(argument.axes.split())}</code>"
    else:
        axes = "a single number"
    return f"| {direction} | `{argument.name}` | {axes} | {cell(argument.about)} |"


def _gradient(contract: Contract) -> str:
    if not contract.gradients:
        return ""
    names = ", ".join(f"`{name}`" for name in contract.gradients)
    return (
        f"The gradient is pinned too, with respect to {names}. torch and JAX functions are differentiated; "
        f"NumPy code gives it as\n\n<p class='signature'><code>{contract.backward_signature}</code></p>\n"
    )


def _how_to_check(specification: Specification, contract: Contract) -> str:
    module = specification.module.replace("llm_", "my_")
    return (
        "## Check yours\n\n"
        f"Write a function `{contract.name}` in a file `{module}.py`, and run in its folder:\n\n"
        f"```console\npython -m {specification.module}.spec {module} -k {contract.name}\n```\n"
    )


def _slips(slips: list[Alternative]) -> str:
    if not slips:
        return ""
    rows = [f"| {cell(slip.name)} | {cell(slip.hint)} |" for slip in slips]
    return (
        "## Known mistakes\n\nMistakes that people really make (slips). Each of them fails at least one case, and a check "
        "that meets one of them names it.\n\n| mistake | what a learner reads |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def _case(contract: Contract, case: Case, *, opened: bool) -> str:
    kind = case.kind.replace(" ", "-")
    blocks = [_values(contract, "inputs", case.inputs)]
    if case.raises:
        blocks.append(f'<div class="values"><h4>must raise</h4><p><code>{case.raises}</code></p></div>')
    blocks.append(_values(contract, "outputs", case.outputs))
    blocks.append(_values(contract, "upstream gradient", case.upstream, prefix="d"))
    blocks.append(_values(contract, "gradients", case.gradients, prefix="d"))
    layout = " Arrays are handed over as views that are not contiguous." if case.layout != "contiguous" else ""
    worked = f"\n{prose(case.worked)}\n" if case.worked else ""
    return (
        f"### {case.id} {{ #case-{_anchor(case.id)} }}\n\n"
        f'<span class="kind {kind}">{case.kind}</span> [clause {case.clause}](#clause-{case.clause}) · '
        f"catches: {prose(case.catches)}{layout}\n{worked}\n"
        f"<details class='golden'{' open' if opened else ''}><summary>numbers</summary>"
        f"{''.join(blocks)}{_evidence(case)}</details>\n"
    )


def _large_cases(cases: Sequence[Case]) -> str:
    if not cases:
        return ""
    rows = [
        f"| {case.id.replace('_', ' ')} | {_sizes(case)} | {case.clause} | {cell(case.catches)} |" for case in cases
    ]
    return (
        "## Large cases\n\nMade anew in every run, by a rule that is stored; the answer comes from the reference. `--quick` "
        "leaves them out, and those in which one axis is long or one argument wide.\n\n| case | inputs | clause | catches |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _sizes(case: Case) -> str:
    """The sizes of what is large: shapes of arrays, lengths of texts and lists."""
    sizes = {
        name: getattr(value, "shape", None) or len(value) for name, value in case.inputs.items() if _has_size(value)
    }
    shown = {
        name: f"({', '.join(f'{n:,}' for n in size)})" if isinstance(size, tuple) else f"{size:,}"
        for name, size in sizes.items()
    }
    return ", ".join(f"{name} {size}" for name, size in shown.items())


def _has_size(value: Any) -> bool:
    return bool(getattr(value, "shape", ())) or isinstance(value, (str, bytes, list, dict))


def _values(contract: Contract, title: str, values: dict[str, Any], *, prefix: str = "") -> str:
    if not values:
        return ""
    rows = "".join(
        f'<div class="value"><code class="name">{prefix}{name}</code>{show_value(value, contract.axes_of(name))}</div>'
        for name, value in values.items()
    )
    return f'<div class="values"><h4>{title}</h4>{rows}</div>'


def _evidence(case: Case) -> str:
    lines = [f"accepted deviation in {dtype}: {value:.1e}" for dtype, value in case.tolerance.items()]
    lines += [f"{name}: {agreement}" for name, agreement in case.witnesses.items()]
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f'<div class="values evidence"><h4>witnesses and tolerance</h4><ul>{items}</ul></div>' if items else ""


def prose(text: str) -> str:
    """Words of a contract as Markdown: what is outside of backticks becomes neither HTML nor emphasis by accident."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        parts[place] = parts[place].replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("-inf", "−∞")
    return "`".join(parts)


def cell(text: str) -> str:
    """The same inside a table, where a bar would end the cell."""
    return prose(text).replace("|", "\\|")


def _anchor(identifier: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in identifier.lower()).strip("-")


_CASES_HEAD = """\
Point at a value to see it exactly. Green is positive, red is negative, and the tint grows with the size.
"""
