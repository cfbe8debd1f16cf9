"""The post-processor of `tokenizer.json`: which ids the model expects around every text."""

from __future__ import annotations

from typing import Any

from llm_tokenizer.files.fields import check_id, refusal, value_under
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import VocabularyTokenizer

REMEDY = "load the tokenizer with its own library"
Around = tuple[list[int], list[int]]


def read_template(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the ids that the steps of a post-processor put around a text, as `with_text_ids` takes them.

    Raises:
        FieldError: They put more than one id on a side, or a step does something else to the ids.
    """
    before: list[int] = []
    after: list[int] = []
    for step in steps:
        kind = step["type"]
        if kind not in _READERS:
            raise refusal("post_processor.type", f"one of {', '.join(_READERS)}", kind, REMEDY)
        outer_before, outer_after = _READERS[kind](step)
        before, after = outer_before + before, after + outer_after
    for side, ids in (("before", before), ("after", after)):
        if len(ids) > 1:
            raise refusal("post_processor", f"one that puts at most one token {side} a text", ids, REMEDY)
    return {
        "bos_token_id": before[0] if before else None,
        "eos_token_id": after[0] if after else None,
        "add_bos_token": bool(before),
        "add_eos_token": bool(after),
    }


def _nothing(step: dict[str, Any]) -> Around:
    return [], []  # ByteLevel only moves the marks of where a token begins in the text


def _pair(step: dict[str, Any]) -> Around:
    ids = []
    for key in ("cls", "sep"):
        value = step.get(key)
        if not isinstance(value, list) or len(value) != 2:
            raise refusal(f"post_processor.{key}", "a token and its id", value)
        ids.append(check_id(f"post_processor.{key}", value[1]))
    return ids[:1], ids[1:]


def _template(step: dict[str, Any]) -> Around:
    sides: list[list[int]] = [[]]
    single = step.get("single")
    for place, part in enumerate(single if isinstance(single, list) else []):
        name = f"post_processor.single[{place}]"
        if not isinstance(part, dict) or len(part) != 1:
            raise refusal(name, "a special token or the text", part)
        if "Sequence" in part:
            sides.append([])
            continue
        token = value_under(part, "SpecialToken", "id")
        ids = value_under(step, "special_tokens", token, "ids")
        if not isinstance(ids, list):
            raise refusal(name, "a token of special_tokens with its ids", token)
        sides[-1] += [check_id(name, id) for id in ids]
    if len(sides) != 2:
        raise refusal("post_processor.single", "a template with the text in it, once", single, REMEDY)
    return sides[0], sides[1]


_READERS = {"ByteLevel": _nothing, "TemplateProcessing": _template, "BertProcessing": _pair, "RobertaProcessing": _pair}


def names_around(tokenizer: VocabularyTokenizer) -> dict[str, str]:
    """Return the names of the tokens that begin (`bos_token`) and end (`eos_token`) a text, as far as they have names.

    Raises:
        TokenizerError: One that is to be added to every text is an ordinary token, which has none.
    """
    name_of = {id: name for name, id in tokenizer.added_tokens.items()}
    found = {}
    for role in ("bos_token", "eos_token"):
        id = getattr(tokenizer, f"{role}_id")
        if id in name_of:
            found[role] = name_of[id]
        elif getattr(tokenizer, f"add_{role}"):
            raise TokenizerError(f"{role}_id: must be the id of a special token if it is added to every text, was {id}")
    return found


def write_template(tokenizer: VocabularyTokenizer) -> dict[str, Any] | None:
    """Return the post-processor for the ids that the model expects around every text; None if there are none."""
    text = [{"Sequence": {"id": "A", "type_id": 0}}]
    pair = [*text, {"Sequence": {"id": "B", "type_id": 1}}]
    names = [name for role, name in names_around(tokenizer).items() if getattr(tokenizer, f"add_{role}")]
    if not names:
        return None
    tokens = [{"SpecialToken": {"id": name, "type_id": 0}} for name in names]
    before, after = (tokens[:1], tokens[1:]) if tokenizer.add_bos_token else ([], tokens)
    return {
        "type": "TemplateProcessing",
        "single": [*before, *text, *after],
        "pair": [*before, *pair, *after],
        "special_tokens": {
            name: {"id": name, "ids": [tokenizer.added_tokens[name]], "tokens": [name]} for name in names
        },
    }
