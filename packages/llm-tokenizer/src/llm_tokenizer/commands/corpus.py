"""The verb `corpus`: a summary of a corpus, before anything is trained on it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict

from llm_tokenizer.commands.options import add_corpus, documents, print_json
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.corpus.duplicates import Duplicates, find_duplicates
from llm_tokenizer.corpus.summary import CorpusCounter, CorpusSummary

EXAMPLES = """\
  llm-tokenizer corpus plays/
  llm-tokenizer corpus 'news/*.jsonl.gz' --field text --duplicates
  llm-tokenizer corpus plays/ --duplicates --similarity 0.9 --json
"""
MOST_SHOWN, MOST_SCRIPTS = 20, 8


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("corpus", corpus, "summarize a corpus and find duplicates", EXAMPLES)
    add_corpus(verb)
    verb.add_argument("--duplicates", action="store_true", help="find documents that equal or resemble an earlier one")
    verb.add_argument(
        "--similarity", type=float, default=0.8, help="the least fraction of text in common (default: 0.8)"
    )
    verb.add_argument("--json", action="store_true", help="print the figures as JSON")


def corpus(options: argparse.Namespace) -> None:
    """Print the summary of a corpus, and its duplicates if asked for; one pass over the documents."""
    counter = CorpusCounter()
    found: Duplicates | None = None
    places: list[str] = []
    counted = counter.counted(_texts(options, places))
    if options.duplicates:
        found = find_duplicates(counted, similarity=options.similarity)
    else:
        for _ in counted:
            pass
    summary = counter.summary()
    if options.json:
        print_json(_as_json(summary, found, places))
    else:
        print("\n".join(_lines(summary, found, places)))


def _texts(options: argparse.Namespace, places: list[str]) -> Iterator[str]:
    """Yield the documents; their places are kept only if duplicates are to be named."""
    for place, text in documents(options):
        if options.duplicates:
            places.append(place)
        yield text


def _as_json(summary: CorpusSummary, found: Duplicates | None, places: list[str]) -> dict[str, object]:
    figures: dict[str, object] = asdict(summary)
    if found is not None:
        figures["exact_duplicates"] = list(found.exact.items())
        figures["near_duplicates"] = found.near
        named = {number for pair in found.exact.items() for number in pair}
        named |= {number for near in found.near for number in (near.document, near.earlier)}
        figures["places"] = {number: places[number] for number in sorted(named)}
    return figures


def summary_in_words(summary: CorpusSummary) -> Iterator[str]:
    """Yield the figures, one line each, without what is zero and needs no care."""
    letters = sum(summary.scripts.values()) or 1
    scripts = [f"{name} {count / letters:.1%}" for name, count in summary.scripts.items()]
    if len(scripts) > MOST_SCRIPTS:
        scripts[MOST_SCRIPTS:] = [f"{len(scripts) - MOST_SCRIPTS} more"]
    yield f"documents            {summary.documents:,}, the longest of {quantity(summary.longest, 'character')}"
    yield f"size                 {quantity(summary.bytes, 'byte')}, {quantity(summary.characters, 'character')}"
    yield f"words, lines         {summary.words:,} and {summary.lines:,}"
    yield f"different characters {summary.distinct_characters:,}"
    yield f"letters              {', '.join(scripts) or 'none'}"
    for count, name in (
        (summary.controls, "control characters"),
        (summary.replaced, "replacement characters (U+FFFD)"),
        (summary.other_line_breaks, "line breaks other than LF"),
        (summary.not_composed, "documents that NFC would change"),
        (summary.empty, "empty documents"),
    ):
        if count:
            yield f"look at              {count:,} {name}"


def _lines(summary: CorpusSummary, found: Duplicates | None, places: list[str]) -> Iterator[str]:
    yield from summary_in_words(summary)
    if found is None:
        return
    yield f"duplicates           {len(found.exact):,} exact, {len(found.near):,} near"
    pairs = [*((document, earlier, 1.0) for document, earlier in found.exact.items()), *found.near]
    for document, earlier, similarity in sorted(pairs)[:MOST_SHOWN]:
        first, second = (f"document {number + 1} ({places[number]})" for number in (document, earlier))
        yield f"  {first} is {similarity:.0%} like {second}"
    if len(pairs) > MOST_SHOWN:
        yield f"  and {len(pairs) - MOST_SHOWN} more; --json lists all"
