"""Where in somebody else's code something went wrong: while it was imported, or when it was called."""

from __future__ import annotations

import site
import sysconfig
import traceback
from pathlib import Path

_INSTALLED = tuple({*site.getsitepackages(), sysconfig.get_path("stdlib"), str(Path(__file__).parents[1])})
"""Where the files are that are not theirs: their mistake is not to be looked for there."""


def why_not_imported(name: str, error: BaseException) -> str:
    """Return a sentence, and below it the place in the other person's own code.

    Of a syntax error the compiler names the place itself; of any other the last line of the traceback that is in a
    file of theirs, because what went wrong deeper, in a library, was asked for there.
    """
    if isinstance(error, SyntaxError):
        text = f": {error.text.strip()}" if error.text else ""
        return f"{_short(error.filename or name)}, line {error.lineno}: {error.msg}{text}"
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    sentence = f"{name} cannot be imported, it raised {told}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _theirs(frame.filename)]
    if not frames:
        return sentence
    last = frames[-1]
    return f"{sentence}\n  {_short(last.filename)}, line {last.lineno}: {last.line}"


def place_in_theirs(error: BaseException) -> str:
    """Return file and line of the last step that was in a file of theirs; nothing if none was."""
    steps = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__))
    theirs = [f"{_short(file)}, line {line}" for file, line in steps if _theirs(file)]
    return theirs[-1] if theirs else ""


def _theirs(file: str) -> bool:
    return not file.startswith(("<", *_INSTALLED))


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
