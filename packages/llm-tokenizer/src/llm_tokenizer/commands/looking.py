"""The verbs `show`, `compare` and `stats`: what a vocabulary makes of a text."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from llm_tokenizer.commands.measures import Measures, Measuring, measure_text
from llm_tokenizer.commands.options import (
    add_allow_special,
    add_text,
    add_tokenizer,
    allowed_special,
    text_blocks,
    whole_text,
    written,
)
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.token_display import (
    compare_as_html,
    show_as_html,
    show_in_terminal,
    show_with_marks,
    token_label,
)
from llm_tokenizer.corpus.encode_stream import encode_blocks
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.interface import Tokenizer, TokenizerError

MOST_SHOWN = 1 << 22  # characters, on a page or side by side; `show` and `stats` take a text of any size
Draw = Callable[[Tokenizer, Sequence[int], int], None]

SHOW = """\
  llm-tokenizer show shakespeare --text 'To be, or not to be'
  llm-tokenizer show shakespeare hamlet.txt --html hamlet.html
  llm-tokenizer show gpt2/ --text 'naïve 猫' --ids
"""
COMPARE = """\
  llm-tokenizer compare shakespeare gpt2/ cl100k_base.tiktoken --text 'To be, or not to be'
  llm-tokenizer compare small large --file hamlet.txt --html sizes.html
  llm-tokenizer compare small large --file hamlet.txt --json
"""
STATS = """\
  llm-tokenizer stats shakespeare hamlet.txt
  llm-tokenizer stats gpt2/ plays.txt.gz --json
"""


def add_show(parser: Parser) -> None:
    """Describe `show`."""
    verb = parser.add_verb("show", show, "show the tokens of a text in colour", SHOW)
    add_tokenizer(verb)
    verb.add_argument("file", nargs="?", default="-", help="the file with the text (default: standard input)")
    add_allow_special(verb)
    add_text(verb)
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--ids", action="store_true", help="one token a line: id, bytes, text")
    form.add_argument("--html", metavar="FILE", help="write a web page instead, all in one file")


def add_compare(parser: Parser) -> None:
    """Describe `compare`."""
    verb = parser.add_verb("compare", compare, "set several vocabularies side by side on one text", COMPARE)
    verb.add_argument("tokenizer", nargs="+", help="folders that hold tokenizer.json, or vocabulary files")
    verb.add_argument("--file", default="-", help="the file with the text (default: standard input)")
    add_text(verb)
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--ids", action="store_true", help="print the ids as well")
    form.add_argument("--html", metavar="FILE", help="write a web page instead, all in one file")
    form.add_argument("--json", action="store_true", help="print figures and ids as JSON")


def add_stats(parser: Parser) -> None:
    """Describe `stats`."""
    verb = parser.add_verb("stats", stats, "measure how well a vocabulary fits a text", STATS)
    add_tokenizer(verb)
    verb.add_argument("file", nargs="?", default="-", help="the file with the text (default: standard input)")
    add_allow_special(verb)
    add_text(verb)
    verb.add_argument("--json", action="store_true", help="print the figures as JSON")


def show(options: argparse.Namespace) -> None:
    """Show the tokens of a text in colour, by line, or on a page."""
    tokenizer = load_tokenizer(options.tokenizer)
    if options.html is not None:
        ids = tokenizer.encode(whole_text(options, most=MOST_SHOWN), allowed_special=allowed_special(options))
        _write_page(options.html, show_as_html(tokenizer, ids))
        print(f"{len(ids)} tokens in {options.html}")
        return
    draw = _draw_lines if options.ids else _drawing()
    count = 0
    for ids in encode_blocks(tokenizer, text_blocks(options), allowed_special=allowed_special(options)):
        draw(tokenizer, ids, count)
        count += len(ids)
    print(f"{count} tokens" if options.ids else f"\n{count} tokens")


def compare(options: argparse.Namespace) -> None:
    """What several vocabularies make of one text."""
    text = whole_text(options, most=MOST_SHOWN)
    rows = []
    for name in options.tokenizer:
        tokenizer = load_tokenizer(name)
        try:
            rows.append((name, tokenizer, tokenizer.encode(text)))
        except TokenizerError as error:
            raise TokenizerError(f"{name}: {error}") from None
    if options.html is not None:
        _write_page(options.html, compare_as_html(rows, len(text.encode())))
        print(f"{len(rows)} vocabularies in {options.html}")
        return
    measures = [measure_text(tokenizer, text, ids) for _, tokenizer, ids in rows]
    if options.json:
        found = [
            {"tokenizer": name} | figures.as_json() | {"ids": ids}
            for (name, _, ids), figures in zip(rows, measures, strict=True)
        ]
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    width = max(len("vocabulary"), *(len(name) for name, _, _ in rows))
    print(f"{'vocabulary':{width}}  {'size':>8}  {'tokens':>8}  bytes per token  tokens per word")
    for (name, _, _), found_here in zip(rows, measures, strict=True):
        print(
            f"{name:{width}}  {found_here.vocab_size:8}  {found_here.tokens:8}  "
            f"{found_here.bytes_per_token:15.2f}  {found_here.tokens_per_word:15.2f}"
        )
    draw = _drawing()
    for name, tokenizer, ids in rows:
        print(f"\n{name}")
        draw(tokenizer, ids, 0)
        print()
        if options.ids:
            print(" ".join(map(str, ids)))


def stats(options: argparse.Namespace) -> None:
    """Compression and coverage of a text of any size."""
    tokenizer = load_tokenizer(options.tokenizer)
    measuring = Measuring(tokenizer)
    texts = measuring.counted(text_blocks(options))
    for ids in encode_blocks(tokenizer, texts, allowed_special=allowed_special(options)):
        measuring.add(ids)
    found = measuring.measures()
    print(json.dumps(found.as_json(), ensure_ascii=False, indent=2) if options.json else _in_words(found))


def _in_words(found: Measures) -> str:
    commonest = ", ".join(f"{_flat(token)!r} {count:,}" for token, count in found.commonest)
    alone = found.bytes_alone / found.tokens if found.tokens else 0.0
    return "\n".join(
        [
            f"text         {found.text_bytes:,} bytes, {found.characters:,} characters, {found.words:,} words",
            f"tokens       {found.tokens:,}",
            f"compression  {found.bytes_per_token:.2f} bytes per token, {found.tokens_per_word:.2f} tokens per word",
            f"coverage     {found.used:,} of {found.vocab_size:,} ids are used ({found.coverage:.1%})",
            f"broken up    {alone:.1%} of the tokens are single bytes of a longer character",
            f"longest      {_flat(found.longest)!r}",
            f"commonest    {commonest}",
        ]
    )


def _drawing() -> Draw:
    """In colour where the terminal shows five pale colours apart; else with a bar after each token."""
    from rich.console import Console

    console = Console(highlight=False, file=sys.stdout)
    if console.color_system in ("256", "truecolor") and not console.no_color:
        return lambda tokenizer, ids, before: console.print(
            show_in_terminal(tokenizer, ids, before=before), soft_wrap=True, end=""
        )
    return lambda tokenizer, ids, before: print(show_with_marks(tokenizer, ids), end="")


def _draw_lines(tokenizer: Tokenizer, ids: Sequence[int], before: int) -> None:
    for id in ids:
        data = tokenizer.token_bytes(id)
        print(f"{id:8}  {data.hex(' '):24}  {_flat(data)}")


def _flat(data: bytes) -> str:
    """A token on one line."""
    return token_label(data).replace("\n", "")


def _write_page(path: str, page: str) -> None:
    with written(path) as stream:
        stream.write(page.encode("utf-8"))
