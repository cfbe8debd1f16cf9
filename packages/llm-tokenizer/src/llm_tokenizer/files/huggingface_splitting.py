"""How `tokenizer.json` says where a text is cut, and which of our named patterns that is.

The format may carry any regular expression, and a regular expression can be made to run for years. So none from a
file is ever run: it is looked up among the published ones, and an unknown one is refused.
"""

from __future__ import annotations

from typing import Any

from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.files.fields import refusal

REMEDY = "only a known pattern may run here; load the tokenizer with its own library"


def split(expression: str) -> dict[str, Any]:
    """A cut by a regular expression, every match a piece."""
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


def byte_level(*, use_regex: bool) -> dict[str, Any]:
    """Each byte as a character (see `alphabet.py`), with GPT-2's pattern or none."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


DIGITS = {"type": "Digits", "individual_digits": True}


def pre_tokenizer(pattern: str) -> dict[str, Any]:
    """How the format says: cut by this pattern, then show each byte as a character."""
    if pattern == "gpt2":
        return byte_level(use_regex=True)  # its regular expression is built into the format
    if pattern == "smollm":
        return {"type": "Sequence", "pretokenizers": [DIGITS, byte_level(use_regex=True)]}
    return {"type": "Sequence", "pretokenizers": [split(PATTERNS[pattern].split), byte_level(use_regex=False)]}


# GPT-2's expression as its authors wrote it; the others are spelt as we spell them.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_PATTERN_OF = {pattern.split: pattern.name for pattern in PATTERNS.values()} | {_GPT2: "gpt2"}


def pattern_of(cut: object) -> str | None:
    """The name of the pattern by which a file cuts; None where it does not cut at all."""
    field = "pre_tokenizer"
    steps = [cut]
    if isinstance(cut, dict) and cut.get("type") == "Sequence":
        field, steps = "pre_tokenizer.pretokenizers", cut.get("pretokenizers")  # type: ignore[assignment]
    if not isinstance(steps, list) or not steps or len(steps) > 2:
        raise refusal(field, "one or two steps, the last of them ByteLevel", cut, REMEDY)
    field_of_last = field if steps[0] is cut else f"{field}[{len(steps) - 1}]"
    uses_gpt2 = _byte_level_uses_regex(field_of_last, steps[-1])
    if len(steps) == 1:
        return "gpt2" if uses_gpt2 else None
    if steps[0] == DIGITS:
        pattern = "smollm"
    else:
        pattern = _split_pattern(f"{field}[0]", steps[0])
    if uses_gpt2 != (pattern == "smollm"):
        raise refusal(f"{field}[1].use_regex", f"{not uses_gpt2} after this first step", uses_gpt2, REMEDY)
    return pattern


def _byte_level_uses_regex(field: str, step: object) -> bool:
    if not isinstance(step, dict) or step.get("type") != "ByteLevel":
        raise refusal(field, "ByteLevel, or steps of which the last is ByteLevel", step, REMEDY)
    if step.get("add_prefix_space") is not False:
        raise refusal(f"{field}.add_prefix_space", "false", step.get("add_prefix_space"))
    uses_regex = step.get("use_regex", True)  # files from before this field existed always used it
    if not isinstance(uses_regex, bool):
        raise refusal(f"{field}.use_regex", "true or false", uses_regex)
    return uses_regex


def _split_pattern(field: str, step: object) -> str:
    """The pattern of a `Split`, in either of the two forms that keep every match as a piece."""
    expression = step.get("pattern") if isinstance(step, dict) else None
    expression = expression.get("Regex") if isinstance(expression, dict) else None
    if not isinstance(expression, str) or expression not in _PATTERN_OF:
        raise refusal(field, f"the Split of one of these patterns: {', '.join(PATTERNS)}", expression or step, REMEDY)
    isolated = split(expression)
    inverted = isolated | {"behavior": "Removed", "invert": True}
    if step not in (isolated, inverted):
        raise refusal(field, "a Split that keeps every match as a piece (Isolated)", step, REMEDY)
    return _PATTERN_OF[expression]
