"""`llm-train import`: make token files that another program has written a corpus, without copying them."""

import argparse

from llm_tokenizer.commands.parser import Parser

EXAMPLES = """\
  llm-train import datatrove tokens/ --tokenizer my-tokenizer/tokenizer.json
  llm-train run --corpus tokens/ --run large --set vocab_size=32000
"""


def add_import(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("import", import_tokens, "make token files of another program a corpus", EXAMPLES)
    verb.add_argument("format", choices=["datatrove"], help="which program has written them")
    verb.add_argument("folder", metavar="FOLDER", help="where they are; it gets tokens.json and the tokenizer")
    verb.add_argument("--tokenizer", metavar="PATH", help="the tokenizer.json that made the ids (that in FOLDER)")


def import_tokens(options: argparse.Namespace) -> None:
    """Read the files once, and write the header."""
    from llm_tokenizer.commands.progress import Progress
    from llm_tokenizer.commands.wording import quantity
    from llm_train.data.datatrove import import_datatrove

    with Progress("llm-train") as display:
        header = import_datatrove(
            options.folder, options.tokenizer, lambda done, every: display(f"{done} of {every} files")
        )
    shards = quantity(len(header.shards), "file")
    print(f"{header.tokens:,} tokens in {quantity(header.documents, 'document')}, {shards}")
    print(f"next: llm-train run --corpus {options.folder} --set vocab_size={header.vocab_size}")
