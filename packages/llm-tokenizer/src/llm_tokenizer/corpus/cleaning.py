"""Clean the characters of a document: line breaks, Unicode normalization, control characters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from llm_tokenizer.interface import TokenizerError, require_choice, require_str

Normalization = Literal["NFC", "NFKC"]
LineBreaks = Literal["lf", "keep"]
Controls = Literal["keep", "remove", "refuse"]

# Unicode's category Cc without tab, line feed and carriage return.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BREAKING = str.maketrans("\x0b\x0c\x85", "\n\n\n")  # removed, these three would glue two lines together


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """What is changed in a text, and nothing else is.

    Why it works:
        With the same characters for the same thing (`CR LF` is `LF`, and under NFC `e` with an accent is one character
        and not two) a tokenizer learns each word once, and not once for each way of writing it.

    The choices are those of `read_documents`.
    """

    normalization: Normalization | None = None
    line_breaks: LineBreaks = "lf"
    controls: Controls = "keep"

    def __post_init__(self) -> None:
        if self.normalization not in (None, *get_args(Normalization)):
            raise TokenizerError(f"normalization: must be NFC, NFKC or None, was {self.normalization!r}")
        require_choice("line_breaks", self.line_breaks, get_args(LineBreaks))
        require_choice("controls", self.controls, get_args(Controls))

    def clean(self, text: str, *, name: str = "text", line: int = 1) -> str:
        """Return the clean text; `name` and `line` say in an error where it begins."""
        if self.line_breaks == "lf":
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if self.controls == "refuse" and (found := CONTROL.search(text)):
            line += text.count("\n", 0, found.start())
            raise TokenizerError(
                f"{name}: line {line} holds the control character U+{ord(found.group()):04X}, which is refused here; "
                "take it out, or choose to keep or to remove control characters"
            )
        if self.controls == "remove":
            text = CONTROL.sub("", text.translate(_BREAKING))
        return text if self.normalization is None else unicodedata.normalize(self.normalization, text)


def normalize_text(text: str, normalization: Normalization | None = None) -> str:
    """Return a text with line feeds as line breaks, and the Unicode normalization that is asked for."""
    return Cleaning(normalization=normalization).clean(require_str(text))
