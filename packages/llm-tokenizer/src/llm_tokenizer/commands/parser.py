"""The command line of all commands of the project: verbs, options anywhere, and the nearest name for a mistyped one."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NoReturn

from llm_tokenizer.commands.deferred_imports import installed_version
from llm_tokenizer.commands.exit_status import USER_ERROR, run_to_the_end
from llm_tokenizer.commands.wording import suggest
from llm_tokenizer.interface import UserError

Run = Callable[[argparse.Namespace], int | None]
_FLAG = re.compile(r"(?<![\w-])-{1,2}[A-Za-z][\w-]*")


def run_command(program: str, parser: Callable[[], Parser], arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; the default for `arguments` are the words of the process."""

    def run() -> int | None:
        options = parser().parse(sys.argv[1:] if arguments is None else arguments)
        action: Run = options.run
        try:
            return action(options)
        except UserError as error:
            name, _, value = (error.option or "").partition("=")
            flag = f"--{name}".replace("_", "-")
            if flag in options.flags:
                raise type(error)(f"{error}, or use {flag} {value}") from None
            if flag in options.written_otherwise:
                setting = options.written_otherwise[flag].replace("VALUE", value)
                raise type(error)(f"{error}, or use {setting}") from None
            raise

    return run_to_the_end(run, lead=f"{program}: ")


class Parser(argparse.ArgumentParser):
    """An argument parser with examples, in which options may come before, between and after the other words.

    Args:
        prog: The command.
        description: What it does.
        examples: Lines with calls of it, for the end of the help.
        package: The package whose version `--version` prints.
    """

    def __init__(
        self, prog: str, description: str, examples: str = "", *, package: str | None = None, **settings: Any
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # half an option is a mistyped one
            **settings,
        )
        if package:
            self.add_argument("--version", action=_Version, nargs=0, const=package, help="print the version and stop")
        self.written_otherwise: dict[str, str] = {}
        """What to write in place of a flag that there is not, such as `--set steps=VALUE`."""
        self._adder: Any = None
        self._verbs: dict[str, Parser] = {}
        self._foreign: dict[str, Callable[[list[str]], int]] = {}

    def add_verb(self, name: str, run: Run, help: str, examples: str = "") -> Parser:
        """Add a verb and return its parser; `run` is what it does with its options."""
        if self._adder is None:
            self._adder = self.add_subparsers(required=True, metavar="VERB", parser_class=Parser)
        description = f"{help[0].upper()}{help[1:]}."
        own = f"{self.prog} {name}"
        typed = os.environ.get("LLM_COMMAND", own)  # nox names itself there
        verb: Parser = self._adder.add_parser(
            name, prog=typed, description=description, examples=examples.replace(own, typed), help=help
        )
        verb.set_defaults(run=run)
        self._verbs[name] = verb
        return verb

    def add_foreign_verb(self, name: str, run: Callable[[list[str]], int], help: str) -> None:
        """Add a verb that parses the rest of the command line itself."""
        self.add_verb(name, lambda options: None, help)
        self._foreign[name] = run

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the options of a command line, with `run`; a mistake ends the program with one sentence, status 2."""
        words = list(words)
        options = [action for verb in self._verbs.values() for action in verb._actions]
        valued = {flag for option in options if option.nargs != 0 for flag in option.option_strings}
        pairs = enumerate(pairwise(["", *words]))
        place = next((k for k, (before, word) in pairs if word in self._verbs and before not in valued), None)
        if place is not None and (place == 0 or words[0].startswith("-")):
            name = words.pop(place)
            if name in self._foreign:
                return argparse.Namespace(run=lambda _: self._foreign[name](words), flags=(), written_otherwise={})
            return self._verbs[name].parse(words)
        if not self._verbs:
            return self._parse_options(words)
        if words and not words[0].startswith("-"):
            self.error(f"there is no verb {words[0]!r}{suggest(words[0], self._verbs)}")
        flag = words[0].partition("=")[0] if words else ""
        if flag not in [*_FLAG.findall(self.format_usage()), "--help"]:
            verbs = [name for name, verb in self._verbs.items() if flag in _FLAG.findall(verb.format_usage())]
            if flag and not verbs:
                flags = _FLAG.findall(self.format_usage())
                self.error(f"there is no option {flag!r}{suggest(flag, [*flags, '--help'])}")
            belongs = f"{flag} belongs to {', '.join(verbs)}" if verbs else f"there are {', '.join(self._verbs)}"
            self.error(f"there must be a verb; {belongs}")
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        """End the program with one sentence."""
        self.exit(USER_ERROR, f"{self.prog.removesuffix(' --')}: error: {message}; `{self.prog} --help` shows all\n")

    def _parse_options(self, words: list[str]) -> argparse.Namespace:
        flags = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
        for word in words[: words.index("--")] if "--" in words else words:
            name = word.partition("=")[0]
            if _FLAG.fullmatch(name) and name.startswith("--") and name not in flags:  # before what is missing
                written = self.written_otherwise.get(name)
                hint = f": write {written}" if written else suggest(name, flags)
                self.error(f"there is no option {name!r}{hint}")
        options, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            if not unknown[0].startswith("-"):
                self.error(f"there is one argument too many: {unknown[0]!r}")
            self.error(f"there is no option {unknown[0]!r}{suggest(unknown[0].partition('=')[0], flags)}")
        options.flags, options.written_otherwise = flags, self.written_otherwise
        return options


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        print(f"{self.const} {installed_version(str(self.const))}")
        parser.exit()
