"""How `tokenizer.json` splits a text, and which of our named patterns that is.

The format may carry any regular expression, and a regular expression can be made to run for years. So none from a
file is ever run: it is looked up among the published ones, and an unknown one is refused.
"""

from __future__ import annotations

from typing import Any

from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.files.fields import refusal, value_under

REMEDY = "only a known pattern may run here; load the tokenizer with its own library"


def split(expression: str) -> dict[str, Any]:
    """Return a split by a regular expression, every match a pre-token."""
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


def byte_level(*, use_regex: bool) -> dict[str, Any]:
    """Return the step that shows each byte as a character (`byte_unicode.py`), with GPT-2's pattern or none."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


DIGITS = {"type": "Digits", "individual_digits": True}


def pre_tokenizer(pattern: str) -> dict[str, Any]:
    """Return how the format says: split by this pattern, then show each byte as a character."""
    if pattern == "gpt2":
        return byte_level(use_regex=True)  # its regular expression is built into the format
    if pattern == "smollm":
        return {"type": "Sequence", "pretokenizers": [DIGITS, byte_level(use_regex=True)]}
    return {"type": "Sequence", "pretokenizers": [split(PATTERNS[pattern].split), byte_level(use_regex=False)]}


# GPT-2's expression as its authors wrote it; the others are spelled as here.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_PATTERN_OF = {pattern.split: pattern.name for pattern in PATTERNS.values()} | {_GPT2: "gpt2"}


def pattern_of(splitter: dict[str, Any], steps: list[dict[str, Any]]) -> str | None:
    """Return the name of the pattern by which a file splits, in these steps; None if it does not split at all."""
    field = "pre_tokenizer" if splitter.get("type") != "Sequence" else "pre_tokenizer.pretokenizers"
    if not 1 <= len(steps) <= 2:
        raise refusal(field, "one or two steps, the last of them ByteLevel", splitter, REMEDY)
    uses_gpt2 = _byte_level_uses_regex(field if len(steps) == 1 else f"{field}[1]", steps[-1])
    if len(steps) == 1:
        return "gpt2" if uses_gpt2 else None
    pattern = "smollm" if steps[0] == DIGITS else _split_pattern(f"{field}[0]", steps[0])
    if uses_gpt2 != (pattern == "smollm"):
        raise refusal(f"{field}[1].use_regex", f"{not uses_gpt2} after this first step", uses_gpt2, REMEDY)
    return pattern


def _byte_level_uses_regex(field: str, step: dict[str, Any]) -> bool:
    if step.get("type") != "ByteLevel":
        raise refusal(field, "ByteLevel, or steps of which the last is ByteLevel", step, REMEDY)
    if step.get("add_prefix_space") is not False:
        must = "false (otherwise a space would be put before every text)"
        raise refusal(f"{field}.add_prefix_space", must, step.get("add_prefix_space"))
    uses_regex = step.get("use_regex", True)  # files from before this field existed always used it
    if not isinstance(uses_regex, bool):
        raise refusal(f"{field}.use_regex", "true or false", uses_regex)
    return uses_regex


def _split_pattern(field: str, step: dict[str, Any]) -> str:
    """Return the pattern of a `Split`, in either of the two forms that keep every match as a pre-token."""
    expression = value_under(step, "pattern", "Regex")
    if not isinstance(expression, str) or expression not in _PATTERN_OF:
        raise refusal(field, f"the Split of one of these patterns: {', '.join(PATTERNS)}", expression or step, REMEDY)
    isolated = split(expression)
    inverted = isolated | {"behavior": "Removed", "invert": True}
    if step not in (isolated, inverted):
        raise refusal(field, "a Split that keeps every match as a pre-token (Isolated)", step, REMEDY)
    return _PATTERN_OF[expression]
