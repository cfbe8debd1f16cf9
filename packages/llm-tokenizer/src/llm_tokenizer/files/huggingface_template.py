"""The post-processor of `tokenizer.json`: which ids the model expects around every text."""

from __future__ import annotations

from typing import Any

from llm_tokenizer.files.fields import check_id, refusal
from llm_tokenizer.special import VocabularyTokenizer

REMEDY = "load the tokenizer with its own library"
Around = tuple[list[int], list[int]]


def read_template(processor: object, field: str = "post_processor") -> Around:
    """Return the ids that a post-processor puts before and after a text.

    Raises:
        FieldError: It does something else to the ids.
    """
    if processor is None:
        return [], []
    kind = processor.get("type") if isinstance(processor, dict) else None
    if not isinstance(processor, dict) or kind not in _READERS:
        raise refusal(f"{field}.type", f"one of {', '.join(_READERS)}", kind, REMEDY)
    return _READERS[kind](processor, field)


def _nothing(processor: dict[str, Any], field: str) -> Around:
    return [], []  # ByteLevel only moves the marks of where a token begins in the text


def _sequence(processor: dict[str, Any], field: str) -> Around:
    before: list[int] = []
    after: list[int] = []
    steps = processor.get("processors")
    if not isinstance(steps, list):
        raise refusal(f"{field}.processors", "a list", steps)
    for place, step in enumerate(steps):
        outer_before, outer_after = read_template(step, f"{field}.processors[{place}]")
        before, after = outer_before + before, after + outer_after
    return before, after


def _pair(processor: dict[str, Any], field: str) -> Around:
    ids = []
    for key in ("cls", "sep"):
        value = processor.get(key)
        if not isinstance(value, list) or len(value) != 2:
            raise refusal(f"{field}.{key}", "a token and its id", value)
        ids.append(check_id(f"{field}.{key}", value[1]))
    return ids[:1], ids[1:]


def _template(processor: dict[str, Any], field: str) -> Around:
    sides: list[list[int]] = [[]]
    steps = processor.get("single")
    for place, step in enumerate(steps if isinstance(steps, list) else []):
        name = f"{field}.single[{place}]"
        if not isinstance(step, dict) or len(step) != 1:
            raise refusal(name, "a special token or the text", step)
        if "Sequence" in step:
            sides.append([])
            continue
        token = (step.get("SpecialToken") or {}).get("id")
        known = (processor.get("special_tokens") or {}).get(token)
        ids = known.get("ids") if isinstance(known, dict) else None
        if not isinstance(ids, list):
            raise refusal(name, "a token of special_tokens with its ids", token)
        sides[-1] += [check_id(name, id) for id in ids]
    if len(sides) != 2:
        raise refusal(f"{field}.single", "a template with the text in it, once", steps, REMEDY)
    return sides[0], sides[1]


_READERS = {
    "ByteLevel": _nothing,
    "TemplateProcessing": _template,
    "Sequence": _sequence,
    "BertProcessing": _pair,
    "RobertaProcessing": _pair,
}


def text_ids(around: Around) -> dict[str, Any]:
    """Return the begin and the end of a text as `with_text_ids` takes them; at most one id each."""
    before, after = around
    for side, ids in (("before", before), ("after", after)):
        if len(ids) > 1:
            raise refusal("post_processor", f"one that puts at most one token {side} a text", ids, REMEDY)
    return {
        "bos_token_id": before[0] if before else None,
        "eos_token_id": after[0] if after else None,
        "add_bos_token": bool(before),
        "add_eos_token": bool(after),
    }


def write_template(tokenizer: VocabularyTokenizer) -> dict[str, Any] | None:
    """Return the post-processor for the ids that the model expects around every text; None if there are none."""
    name_of = {id: name for name, id in tokenizer.special_tokens.items()}
    text = [{"Sequence": {"id": "A", "type_id": 0}}]
    pair = [*text, {"Sequence": {"id": "B", "type_id": 1}}]
    ids = tokenizer.build_inputs_with_special_tokens([])
    if not ids:
        return None
    tokens = [{"SpecialToken": {"id": name_of[id], "type_id": 0}} for id in ids]
    before, after = (tokens[:1], tokens[1:]) if tokenizer.add_bos_token else ([], tokens)
    return {
        "type": "TemplateProcessing",
        "single": [*before, *text, *after],
        "pair": [*before, *pair, *after],
        "special_tokens": {name_of[id]: {"id": name_of[id], "ids": [id], "tokens": [name_of[id]]} for id in ids},
    }
