"""The verb `corpus`: what a corpus holds, before anything is learned from it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from llm_tokenizer.commands.options import add_corpus, documents
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.corpus.duplicates import Duplicates, find_duplicates
from llm_tokenizer.corpus.summary import CorpusCounter, CorpusSummary

EXAMPLES = """\
  llm-tokenizer corpus plays/
  llm-tokenizer corpus 'news/*.jsonl.gz' --field text --duplicates
  llm-tokenizer corpus plays/ --duplicates --similarity 0.9 --json
"""
MOST_SHOWN = 20


def add_corpus_verb(parser: Parser) -> None:
    """Describe the verb."""
    verb = parser.add_verb("corpus", corpus, "say what a corpus holds, and what stands in it twice", EXAMPLES)
    add_corpus(verb)
    verb.add_argument("--duplicates", action="store_true", help="find documents that equal or resemble an earlier one")
    verb.add_argument(
        "--similarity", type=float, default=0.8, help="the share of text in common that counts (default: 0.8)"
    )
    verb.add_argument("--json", action="store_true", help="print the figures as JSON")


def corpus(options: argparse.Namespace) -> None:
    """The summary of a corpus, and its duplicates where they are asked for; one pass over the documents."""
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
    print(_as_json(summary, found, places) if options.json else "\n".join(_lines(summary, found, places)))


def _texts(options: argparse.Namespace, places: list[str]) -> Iterator[str]:
    """The documents; where each stands is kept only if duplicates are to be named."""
    for place, text in documents(options):
        if options.duplicates:
            places.append(place)
        yield text


def _as_json(summary: CorpusSummary, found: Duplicates | None, places: list[str]) -> str:
    figures = asdict(summary)
    if found is not None:
        figures["exact_duplicates"] = [[document, earlier] for document, earlier in found.exact.items()]
        figures["near_duplicates"] = [[near.document, near.earlier, near.similarity] for near in found.near]
        named = {number for pair in found.exact.items() for number in pair}
        named |= {number for near in found.near for number in (near.document, near.earlier)}
        figures["places"] = {number: places[number] for number in sorted(named)}
    return json.dumps(figures, ensure_ascii=False, indent=2)


def _lines(summary: CorpusSummary, found: Duplicates | None, places: list[str]) -> Iterator[str]:
    yield from summary.lines_to_read()
    if found is None:
        return
    yield f"duplicates           {len(found.exact):,} exact, {len(found.near):,} near"
    pairs = [(document, earlier, 1.0) for document, earlier in found.exact.items()]
    pairs += [(near.document, near.earlier, near.similarity) for near in found.near]
    for document, earlier, similarity in sorted(pairs)[:MOST_SHOWN]:
        first, second = (f"document {number + 1} ({places[number]})" for number in (document, earlier))
        yield f"  {first} is {similarity:.0%} like {second}"
    if len(pairs) > MOST_SHOWN:
        yield f"  and {len(pairs) - MOST_SHOWN} more; --json lists all"
