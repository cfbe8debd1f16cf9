"""Docstrings name their contracts (`Spec: layers.rms_norm`); on the site each name is a link to the contract's page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

_SPEC = re.compile(r"<p>\s*((?:Spec|Source): (?:(?!</p>).)*)</p>", re.DOTALL)
_CONTRACT = re.compile(r"\b[a-z]+\.[a-z0-9_]+\b")


def link_contracts(page: str, known: Collection[str], address: Callable[[str], str]) -> str:
    """Turn the `Spec:` and `Source:` lines of a reference page into two quiet lines with links.

    Args:
        page: HTML that was made from docstrings.
        known: The ids of all contracts.
        address: From a contract's id to the link that leads to its page.

    Raises:
        ValueError: A docstring names a contract that does not exist.
    """

    def link(match: re.Match[str]) -> str:
        contract = match.group(0)
        if contract not in known:
            raise ValueError(f"a docstring says `Spec: {contract}`, and there is no such contract")
        return f'<a href="{address(contract)}"><code>{contract}</code></a>'

    def rewrite(match: re.Match[str]) -> str:
        spec, _, source = match.group(1).partition("Source:")
        names = spec.strip().removeprefix("Spec:").strip().rstrip(".")
        lines = [f"<strong>Pinned by</strong> {_CONTRACT.sub(link, names)}"] if names else []
        lines += [f"<strong>Source</strong> {source.strip()}"] if source.strip() else []
        return f'<p class="pinned">{"<br>".join(lines)}</p>'

    return _SPEC.sub(rewrite, page)
