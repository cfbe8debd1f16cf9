"""What was found in a corpus before, so that a file that has not changed since is not read again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from llm_tokenizer.files.writing import write_text
from llm_train.data.cutting import Cut
from llm_train.data.scanning import Scan


@dataclass(frozen=True)
class Known:
    """What was found in a corpus before, and where it was cut."""

    scans: Mapping[str, Scan] = field(default_factory=dict)
    cut: Cut | None = None


def write_known(path: Path, scans: Sequence[Scan], cut: Cut | None) -> None:
    """Remember what was found in a corpus."""
    content = {"scans": [asdict(scan) for scan in scans], "cut": None if cut is None else asdict(cut)}
    # Names need not be UTF-8: JSON writes what cannot be encoded as \\udc….
    write_text(path, json.dumps(content, indent=1) + "\n")


def read_known(path: Path) -> Known:
    """Return what `write_known` wrote; nothing if that cannot be read: then the files are."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        scans = [Scan(**(entry | {"tail": tuple(map(tuple, entry["tail"]))})) for entry in found["scans"]]
        return Known({scan.name: scan for scan in scans}, None if found["cut"] is None else Cut(**found["cut"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Known()
