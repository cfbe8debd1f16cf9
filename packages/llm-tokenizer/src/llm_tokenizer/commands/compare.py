"""The verb `compare`."""

from __future__ import annotations

import argparse

from llm_tokenizer.commands.options import add_text, print_json, whole_text
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.show import drawing, write_page
from llm_tokenizer.commands.stats import measure_text
from llm_tokenizer.commands.token_display import compare_as_html
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.interface import TokenizerError

EXAMPLES = """\
  llm-tokenizer compare shakespeare gpt2/ cl100k_base.tiktoken --text 'To be, or not to be'
  llm-tokenizer compare small large --file hamlet.txt --html sizes.html
  llm-tokenizer compare small large --file hamlet.txt --json
"""
SHOWN = 200  # tokens of each vocabulary, about ten lines


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("compare", compare, "compare several vocabularies on one text", EXAMPLES)
    verb.add_argument("tokenizer", nargs="+", help="folders that hold tokenizer.json, or vocabulary files")
    add_text(verb, positional=False)
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--ids", action="store_true", help="print the ids as well")
    form.add_argument("--html", metavar="FILE", help="write a web page instead, all in one file")
    form.add_argument("--json", action="store_true", help="print figures and ids as JSON")
    verb.add_argument("--all", action="store_true", help=f"show all tokens, not only the first {SHOWN}")


def compare(options: argparse.Namespace) -> None:
    """Print what several vocabularies make of one text."""
    text = whole_text(options)
    rows = []
    for name in options.tokenizer:
        tokenizer = load_tokenizer(name)
        try:
            rows.append((name, tokenizer, tokenizer.encode(text)))
        except TokenizerError as error:
            raise TokenizerError(f"{name}: {error}") from None
    if options.html is not None:
        write_page(options.html, compare_as_html(rows, len(text.encode())))
        print(f"{quantity(len(rows), 'tokenizer')} in {options.html}")
        return
    measures = [measure_text(tokenizer, text, ids) for _, tokenizer, ids in rows]
    if options.json:
        found = [
            {"tokenizer": name} | figures.as_json() | {"ids": ids}
            for (name, _, ids), figures in zip(rows, measures, strict=True)
        ]
        print_json(found)
        return
    width = max(len("vocabulary"), *(len(name) for name, _, _ in rows))
    print(f"{'vocabulary':{width}}  {'size':>8}  {'tokens':>8}  bytes per token  tokens per word")
    for (name, _, _), found_here in zip(rows, measures, strict=True):
        print(
            f"{name:{width}}  {found_here.vocab_size:8}  {found_here.tokens:8}  "
            f"{found_here.bytes_per_token:15.2f}  {found_here.tokens_per_word:15.2f}"
        )
    draw = drawing()
    for name, tokenizer, ids in rows:
        shown = ids if options.all else ids[:SHOWN]
        print(f"\n{name}")
        draw(tokenizer, shown, 0)
        print()
        if options.ids:
            print(" ".join(map(str, shown)))
        if len(shown) < len(ids):
            print(f"… and {quantity(len(ids) - len(shown), 'token')} more (--all shows them)")
