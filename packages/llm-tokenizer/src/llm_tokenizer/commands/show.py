"""The verb `show`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from llm_tokenizer.commands.options import add_encoding, allowed_special, load_named, text_blocks, whole_text, written
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.token_display import flat_label, show_as_html, show_in_terminal, show_with_marks
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.corpus.encode_stream import encode_blocks
from llm_tokenizer.interface import Tokenizer

Draw = Callable[[Tokenizer, Sequence[int], int], None]

EXAMPLES = """\
  llm-tokenizer show shakespeare --text 'To be, or not to be'
  llm-tokenizer show shakespeare hamlet.txt --html hamlet.html
  llm-tokenizer show gpt2/ --text 'naïve 猫' --ids
"""


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("show", show, "show the tokens of a text in color", EXAMPLES)
    add_encoding(verb)
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--ids", action="store_true", help="one token a line: id, bytes, text")
    form.add_argument("--html", metavar="FILE", help="write a web page instead, all in one file")


def show(options: argparse.Namespace) -> None:
    """Show the tokens of a text in color, by line, or on a page."""
    tokenizer = load_named(options)
    if options.html is not None:
        ids = tokenizer.encode(whole_text(options), allowed_special=allowed_special(options))
        write_page(options.html, show_as_html(tokenizer, ids))
        print(f"{quantity(len(ids), 'token')} in {options.html}")
        return
    draw = _draw_lines if options.ids else drawing()
    count = 0
    for ids in encode_blocks(tokenizer, text_blocks(options), allowed_special=allowed_special(options)):
        draw(tokenizer, ids, count)
        count += len(ids)
    print(("" if options.ids else "\n") + quantity(count, "token"))


def drawing() -> Draw:
    """Return how to draw tokens: in color if the terminal can show five pale colors, else with a bar after each."""
    from llm_tokenizer.commands.console import Console  # here, since rich takes long to import

    console = Console()
    if console.color_system in ("256", "truecolor") and not console.no_color:
        return lambda tokenizer, ids, before: console.print(show_in_terminal(tokenizer, ids, before=before), end="")
    return lambda tokenizer, ids, before: print(show_with_marks(tokenizer, ids), end="")


def write_page(path: str, page: str) -> None:
    """Write a web page."""
    with written(path) as stream:
        stream.write(page.encode("utf-8", "surrogateescape"))


def _draw_lines(tokenizer: Tokenizer, ids: Sequence[int], before: int) -> None:
    for id in ids:
        data = tokenizer.token_bytes(id)
        print(f"{id:8}  {data.hex(' '):24}  {flat_label(data)}")
