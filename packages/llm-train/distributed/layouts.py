"""The same training in several layouts: the largest differences between losses and weights."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from one_layout import DTYPES
from safetensors.torch import load_file
from torch import Tensor

ONE = Path(__file__).with_name("one_layout.py")
SUMS = "four terms, added in another order"
CUT = "rows are added, and rounded, in other groups"
LARGEST = {"float32": 1e-4, "bfloat16": 0.1}
"""What a difference may come to where rounding is its reason: AdamW's step is as long for a gradient of 16 bits that is
nothing but rounding as for any other, so a weight of such a gradient goes another way."""


@dataclass(frozen=True)
class Pair:
    """Two layouts, and why they need not be equal; without a reason they must."""

    layout: str
    parts: int
    reference: str
    reference_parts: int
    reason: str = ""

    @property
    def words(self) -> str:
        """The first layout, for people."""
        return f"{NAMES[self.layout]} {self.parts}"

    @property
    def against(self) -> str:
        """The second one."""
        return f"{NAMES[self.reference]} {self.reference_parts}"


NAMES = {"threads": "threads", "passes": "passes", "ddp": "DDP", "fsdp": "FSDP2"}
PAIRS = [
    *(Pair("passes", parts, "threads", parts) for parts in (1, 2, 4)),
    *(
        Pair(layout, parts, "threads", parts, SUMS if parts > 2 else "")
        for layout in ("ddp", "fsdp")
        for parts in (1, 2, 4)
    ),
    Pair("fsdp", 4, "ddp", 4, SUMS),
    *(Pair("threads", parts, "threads", 1, CUT) for parts in (2, 4)),
]


@dataclass(frozen=True)
class Difference:
    """How far two layouts are apart."""

    pair: Pair
    largest: dict[str, float]
    """By precision."""
    held_back: bool | None
    """Whether a NaN in one process stopped the update in all, where there are several."""

    @property
    def well(self) -> bool:
        """Whether it is as promised."""
        limits = LARGEST if self.pair.reason else dict.fromkeys(DTYPES, 0.0)
        return self.held_back is not False and all(self.largest[name] <= limits[name] for name in DTYPES)


def differences(space: Path, updates: int, pairs: list[Pair] | None = None) -> Iterator[Difference]:
    """Train in each layout once, and yield the difference of each pair."""
    trained: dict[tuple[str, int], dict[str, Tensor]] = {}
    for pair in PAIRS if pairs is None else pairs:
        for layout in ((pair.layout, pair.parts), (pair.reference, pair.reference_parts)):
            if layout not in trained:
                trained[layout] = train_in(space, *layout, updates)
        one, other = trained[pair.layout, pair.parts], trained[pair.reference, pair.reference_parts]
        largest = {
            dtype: max(float((one[name] - other[name]).abs().max()) for name in other if name.startswith(dtype))
            for dtype in DTYPES
        }
        held_back = bool(one["held_back"]) if "held_back" in one else None
        yield Difference(pair, largest, held_back)


def train_in(space: Path, layout: str, parts: int, updates: int) -> dict[str, Tensor]:
    """Train in one layout, and return losses and weights."""
    out = space / f"{layout}-{parts}.safetensors"
    words = [str(ONE), layout, "--parts", str(parts), "--updates", str(updates), "--out", str(out)]
    start = torchrun(parts) if layout in ("ddp", "fsdp") else [sys.executable]
    done = subprocess.run([*start, *words], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{layout} in {parts} parts failed: {done.stderr}")
    return load_file(out)


def torchrun(processes: int, *options: str) -> list[str]:
    """Return the words that start several processes in this environment."""
    count = ["--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, "-m", "torch.distributed.run", *count, *options]
