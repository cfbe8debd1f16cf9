"""Other implementations: a page with the result of checking each of them, from the recorded reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contract_page import cell

ADDRESS = "spec/trials.md"

# Checked module -> the name that people know it by, and what to know before reading.
TRIALS = {
    "llm_layers.reference": ("Our NumPy reference", "Plain NumPy in float64 with gradients derived by hand."),
    "torch_nn": ("torch.nn", "The modules of torch 2.13 itself."),
    "transformers_modules": (
        "transformers",
        "The modules inside the models of transformers 5.23, and its whole models as `decoder`. They work in float32 "
        "inside, which the specification accepts but where it is visibly wrong, as in the norm of vectors of 1e-60.",
    ),
    "x_transformers_modules": ("x-transformers", "The modules of x-transformers 2.31."),
    "from_scratch": ("LLMs-from-scratch", "The modules of the book's package llms-from-scratch 1.0.19."),
}


def read_trials(folder: Path) -> dict[str, dict[str, Any]]:
    """The recorded reports by module, in the order of `TRIALS`."""
    files = {name: folder / "trials" / f"{name}.json" for name in TRIALS}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items() if path.is_file()}


def trials_page(reports: dict[str, dict[str, Any]], addresses: dict[str, str]) -> str:
    """One table over all, then what differed and why; `addresses` gives each contract's page."""
    parts = [_HEAD, _overview(reports, addresses)]
    for name, report in reports.items():
        title, about = TRIALS[name]
        parts.append(f"## {title}\n\n{about}\n")
        differing = [entry for entry in report["contracts"] if entry["status"] == "differs"]
        if not differing:
            parts.append("Everything that it has is right.\n")
        for entry in differing:
            parts.append(_difference(entry, addresses))
    return "\n".join(parts)


def _overview(reports: dict[str, dict[str, Any]], addresses: dict[str, str]) -> str:
    titles = [TRIALS[name][0] for name in reports]
    rows = ["| contract | " + " | ".join(titles) + " |", "|---|" + ":-:|" * len(titles)]
    found = {
        name: {entry["contract"]: entry["status"] for entry in report["contracts"]} for name, report in reports.items()
    }
    for contract, address in addresses.items():
        statuses = [found[name].get(contract, "not written yet") for name in reports]
        if any(status != "not written yet" for status in statuses[1:]) or len(statuses) == 1:
            marks = [{"pass": "✓", "differs": "**differs**"}.get(status, "·") for status in statuses]
            rows.append(f"| [`{contract.split('.')[1]}`]({address}) | " + " | ".join(marks) + " |")
    return "\n".join(rows) + "\n\n✓ right · **differs** from the clauses · “·” has no such part.\n"


def _difference(entry: dict[str, Any], addresses: dict[str, str]) -> str:
    cases = sorted({failure["case"] for failure in entry["failures"]})
    clauses = sorted({failure["clause"] for failure in entry["failures"]})
    known = f" The numbers are those of the slip “{cell(entry['recognized'])}”." if entry["recognized"] else ""
    words = entry["failures"][0]["words"]
    return (
        f"### {entry['contract'].split('.')[1]}\n\n"
        f"Differs from [{entry['contract']}]({addresses[entry['contract']]}), "
        f"clause {', '.join(map(str, clauses))}, in the cases {', '.join(f'`{case}`' for case in cases)}.{known}\n\n"
        f"```text\n{words}\n```\n"
    )


_HEAD = """# Other implementations

The specification is worth something only if it can check others. Here are well-known implementations, checked in
the same way as ours and yours. Some do not offer a choice that a clause asks for, an epsilon or a mask of one's own;
that is a decision of theirs, not a mistake, and it shows as a difference all the same.
{ .lead }

Each adapter is a few lines, in `packages/llm-layers/trials/`. Run them yourself with `nox -s trials`.
"""
