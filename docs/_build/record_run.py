"""Keep of a finished run what the site shows: `python docs/_build/record_run.py runs/shakespeare`.

It writes `docs/recorded/shakespeare.jsonl` (losses, thinned to a few hundred points) and `shakespeare.json` (the
figures of the run and what it wrote on the way). Nothing on the site about a run comes from anywhere else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from plots import RECORDED, thin

FIGURES = (
    "validation_loss",
    "bits_per_byte",
    "perplexity",
    "steps",
    "tokens",
    "tokens_per_second",
    "parameters",
    "seconds",
)


def record(run: Path, folder: Path = RECORDED) -> None:
    """Read a run folder and write the two files."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    training = [(float(row["step"]), float(row["loss"])) for row in rows if "loss" in row]
    lines: list[dict[str, Any]] = [{"step": round(step, 1), "loss": round(loss, 4)} for step, loss in thin(training)]
    lines += [
        {"step": row["step"], "validation_loss": round(row["validation_loss"], 4)}
        for row in rows
        if "validation_loss" in row
    ]
    figures = json.loads((run / "results.json").read_text(encoding="utf-8"))
    samples = [
        {"step": int(path.stem.split("-")[1]), "text": path.read_text(encoding="utf-8")}
        for path in sorted((run / "samples").glob("step-*.txt"))
    ]
    kept = {"figures": {name: figures[name] for name in FIGURES}, "samples": samples}
    folder.mkdir(parents=True, exist_ok=True)
    jsonl = "".join(json.dumps(line) + "\n" for line in sorted(lines, key=lambda line: line["step"]))
    (folder / f"{run.name}.jsonl").write_text(jsonl, encoding="utf-8")
    document = json.dumps(kept, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{run.name}.json").write_text(document, encoding="utf-8")


def main() -> int:
    """Record the run that is named."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    record(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
