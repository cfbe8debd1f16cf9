"""`llm-train verify`: compare the token files of a folder with their hashes."""

import argparse
from pathlib import Path

from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.wording import quantity
from llm_train.interface import TrainError


def add_verify(parser: Parser) -> None:
    """Add the verb."""
    verb = parser.add_verb("verify", verify, "read all token files of a folder and compare their hashes")
    verb.add_argument("folder", metavar="FOLDER", help="a run folder, or a folder with tokens.json")


def verify(options: argparse.Namespace) -> None:
    """Print each file that is not what was written; a start compares sizes only.

    Raises:
        TrainError: there is nothing to verify, or something is damaged.
    """
    from llm_tokenizer.commands.progress import Progress
    from llm_train.data.shards import verify_tokens

    folder = Path(options.folder)
    headers = [folder / "tokens.json", *sorted((folder / "tokens").glob("*.json"))]
    headers = [path for path in headers if path.is_file() and '"shards"' in path.read_text("utf-8", "replace")]
    if not headers:
        raise TrainError(f"{folder}: has no token files, neither tokens.json nor those of a run in tokens/")
    count, damaged = 0, list[Path]()
    with Progress("llm-train") as display:
        for header in headers:
            for path, intact in verify_tokens(header):
                count += 1
                display(f"{count} files, {path.name}")
                if not intact:
                    damaged.append(path)
    if damaged:
        names = ", ".join(map(str, damaged))
        raise TrainError(f"{names}: not what was written; prepare the tokens again, or copy them once more")
    print(f"{quantity(count, 'file')} of {folder} as written")
