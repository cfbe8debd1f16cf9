"""What was found, as lines for a terminal."""

from collections.abc import Callable, Sequence

from llm_layers.inspection.divergence import Comparison, Divergence
from llm_layers.inspection.flow import layer_and_part
from llm_layers.inspection.issues import Issue
from llm_layers.inspection.lens import Lens
from llm_layers.inspection.statistics import Measured, Statistics

COLUMNS = 8
"""So many layers are shown side by side; of a deeper model some are left out."""
MAIN = ("resid_pre", "resid_post", "attention.output", "feed_forward.output", "final_norm", "logits")


def lens_table(lens: Lens, labels: Sequence[str], name: Callable[[int], str]) -> str:
    """Give a row a position and a column a layer: the token that it would name, and how sure it would be."""
    layers = len(lens.tokens)
    shown = (
        sorted({round(number * (layers - 1) / (COLUMNS - 1)) for number in range(COLUMNS)})
        if layers > COLUMNS
        else range(layers)
    )
    heads = ["embedding" if layer == 0 else f"block {layer - 1}" for layer in shown]
    rows = [["after", *heads, "true next", "rank"]]
    for at, label in enumerate(labels):
        cells = [
            f"{_cut(name(int(lens.tokens[layer, at, 0])), 9)} {percent(float(lens.probabilities[layer, at, 0]))}"
            for layer in shown
        ]
        end = ["", ""]
        if (rank := int(lens.ranks[-1, at])) > 0:
            end = [f"{_cut(labels[at + 1], 9)} {percent(float(lens.chances[-1, at]))}", str(rank)]
        rows.append([f"{at} {_cut(label, 10)}", *cells, *end])
    return aligned(rows)


def lens_detail(lens: Lens, labels: Sequence[str], name: Callable[[int], str], position: int) -> str:
    """Give a row a layer at one position: its likeliest tokens, and what it thinks of the true one."""
    rows = [["read after", "likeliest next tokens", "true next", "rank"]]
    for layer in range(len(lens.tokens)):
        pairs = zip(lens.tokens[layer, position].tolist(), lens.probabilities[layer, position].tolist(), strict=True)
        likeliest = "  ".join(f"{_cut(name(id), 12)} {percent(share)}" for id, share in pairs)
        rank = int(lens.ranks[layer, position])
        true = [percent(float(lens.chances[layer, position])), str(rank)] if rank else ["", ""]
        rows.append(["embedding" if layer == 0 else f"block {layer - 1}", likeliest, *true])
    following = f', in the text comes "{labels[position + 1]}"' if position + 1 < len(labels) else ""
    return f'position {position}, "{labels[position]}"{following}\n' + aligned(rows)


def statistics_table(statistics: Statistics, found: Sequence[Issue], *, everything: bool = False) -> str:
    """Give a row a tensor: outputs and their gradients side by side, then the gradients of the weights."""
    rows = [["output", "rms", "mean", "largest", "zeros", "not finite", "its gradient: rms", "largest", "zeros"]]
    for point, part in statistics.outputs.items():
        if everything or layer_and_part(point)[1] in MAIN or point == "embedding":
            rows.append([point, *_cells(part), *_gradient_cells(statistics.gradients.get(point))])
    weights = [["weight's gradient", "rms", "mean", "largest", "zeros", "not finite", "weight: rms"]]
    for name, part in statistics.weight_gradients.items():
        weights.append([name, *_cells(part), f"{statistics.weights[name].spread.rms:.3g}"])
    looks = [f"looks ill: {issue.name}\n  {issue.says}" for issue in found] or ["nothing looks ill"]
    return "\n".join([f"loss {statistics.loss:.4f}", "", aligned(rows), "", aligned(weights), "", *looks])


def _cells(part: Measured) -> list[str]:
    spread = part.spread
    share = f"{100 * spread.not_finite:.3g}%" if spread.not_finite else "-"
    return [f"{spread.rms:.3g}", f"{spread.mean:.2g}", f"{spread.largest:.3g}", f"{100 * spread.zeros:.3g}%", share]


def _gradient_cells(part: Measured | None) -> list[str]:
    if part is None:
        return ["-", "-", "-"]
    return [f"{part.spread.rms:.3g}", f"{part.spread.largest:.3g}", f"{100 * part.spread.zeros:.3g}%"]


def divergence_report(found: Divergence, *, everything: bool = False) -> str:
    """Tell where two models part, by how much, and why."""
    lines = [f"{name}: {a} in A, {b} in B" for name, (a, b) in found.settings.items()]
    if lines:
        lines = ["settings that differ:", *(f"  {line}" for line in lines)]
    compared = f"{len(found.compared)} tensors, equal up to {found.tolerance:g} of the largest number of each"
    if found.first is None:
        lines.append(f"no difference: {compared}")
    else:
        lines += _told(found, found.first)
    loss = "loss: {:.6g} in both" if found.losses[0] == found.losses[1] else "loss: {:.6g} in A, {:.6g} in B"
    lines.append(loss.format(*found.losses))
    if everything:
        rows = [["tensor", "", "relative", "largest", "share of numbers"]]
        for part in found.compared:
            gap = part.deviation
            mark = "differs" if part.differs else ""
            rows.append(
                [
                    f"{part.name} ({part.kind})",
                    mark,
                    f"{gap.relative:.2g}",
                    f"{gap.largest:.2g}",
                    f"{100 * gap.fraction:.3g}%",
                ]
            )
        lines += ["", aligned(rows)]
    return "\n".join(lines)


def _told(found: Divergence, first: Comparison) -> list[str]:
    gap = first.deviation
    at = ", ".join(f"{axis} {index}" for axis, index in zip(axes_of(first), gap.where, strict=True))
    before = found.compared[: found.compared.index(first)]
    lines = [
        f"first difference: {first.name} ({first.kind})",
        f"  largest   {gap.largest:.4g} at {at}: {gap.a:.6g} in A, {gap.b:.6g} in B",
        f"  relative  {gap.relative:.3g} of the largest number; equal would be up to {first.limit:g}",
        f"  share     {100 * gap.fraction:.3g}% of its numbers differ",
        f"  before it {len(before)} tensors agree"
        + (f", the last {before[-1].name} ({before[-1].kind})" if before else ""),
    ]
    if found.causes:
        cause, *others = found.causes
        lines += [f"likely cause: {cause.name}", f"  {cause.says}"]
        lines.append(f"  with that, the difference goes from {gap.relative:.2g} to {cause.left:.2g}")
        if others:
            lines.append(f"  the numbers fit as well: {', '.join(other.name for other in others)}")
    else:
        lines.append("likely cause: unknown; none of the mistakes that are known here gives these numbers")
    end = next((part for part in found.compared if part.name == "logits" and part.kind == "value"), None)
    if end is not None and first.name != "logits":
        apart = f"{end.deviation.relative:.2g}"
        words = f"differ, by {apart}" if end.differs else f"agree again; they are no more than {apart} apart"
        lines.append(f"at the end: the logits {words}")
    if found.weights:
        total = sum(part.kind == "weight" for part in found.compared)
        shown = ", ".join(found.weights[:6]) + (", …" if len(found.weights) > 6 else "")
        lines.append(f"weights that differ: {len(found.weights)} of {total}: {shown}")
    return lines


def axes_of(part: Comparison) -> tuple[str, ...]:
    """Name the axes of a tensor that was compared."""
    count, kind = len(part.deviation.where), layer_and_part(part.name)[1]
    if part.kind in ("weight", "weight's gradient"):
        return {1: ("number",), 2: ("row", "column"), 3: ("expert", "row", "column")}[count]
    if kind.endswith(("scores", "pattern")):
        return ("text", "head", "query", "key")
    if kind.endswith("mask"):
        return ("text", "query", "key")
    return ("text", "head", "position", "number") if count == 4 else ("text", "position", "number")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Set a table: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)),
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def percent(share: float) -> str:
    """Give a share in four characters; only what is exactly 0 or 1 is called 0% or 100%."""
    if 0 < share < 0.005:
        return " <1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{100 * share:3.0f}%"
