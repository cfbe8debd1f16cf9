"""What was found, as lines for a terminal."""

from collections.abc import Callable, Sequence

from llm_layers.inspection.divergence import Comparison, Divergence
from llm_layers.inspection.flow import layer_and_part
from llm_layers.inspection.issues import Issue
from llm_layers.inspection.lens import Lens
from llm_layers.inspection.statistics import Statistics, TensorStatistics
from llm_layers.inspection.text import shortened
from llm_tokenizer.commands.wording import quantity

COLUMNS = 8
"""The largest number of layers side by side; of a deeper model some are left out."""
MAIN = ("embedding", "resid_pre", "resid_post", "attention.output", "feed_forward.output", "final_norm", "logits")


def lens_table(lens: Lens, labels: Sequence[str], name: Callable[[int], str]) -> str:
    """Return a row for each position and a column for each layer: the most likely token and its probability."""
    last = len(lens.tokens) - 1
    shown = sorted({round(number * last / (COLUMNS - 1)) for number in range(COLUMNS)})
    rows = [["after", *map(_layer, shown), "true next", "rank"]]
    for at, label in enumerate(labels):
        cells = [
            f"{shortened(name(int(lens.tokens[layer, at, 0])), 9)} {percent(float(lens.probabilities[layer, at, 0]))}"
            for layer in shown
        ]
        following = shortened(labels[at + 1], 9) + " " if at + 1 < len(labels) else ""
        rows.append([f"{at} {shortened(label, 10)}", *cells, *_true_next(lens, last, at, following)])
    return aligned(rows)


def lens_detail(lens: Lens, labels: Sequence[str], name: Callable[[int], str], position: int) -> str:
    """Return a row for each layer at one position: its most likely tokens, and the probability of the true one."""
    rows = [["read after", "most likely next tokens", "true next", "rank"]]
    for layer in range(len(lens.tokens)):
        pairs = zip(lens.tokens[layer, position].tolist(), lens.probabilities[layer, position].tolist(), strict=True)
        likely = "  ".join(f"{shortened(name(id), 12)} {percent(probability)}" for id, probability in pairs)
        rows.append([_layer(layer), likely, *_true_next(lens, layer, position)])
    following = f', followed in the text by "{labels[position + 1]}"' if position + 1 < len(labels) else ""
    return f'position {position}, "{labels[position]}"{following}\n' + aligned(rows)


def _layer(layer: int) -> str:
    return "embedding" if layer == 0 else f"block {layer - 1}"


def _true_next(lens: Lens, layer: int, position: int, label: str = "") -> list[str]:
    rank = int(lens.ranks[layer, position])
    return [label + percent(float(lens.true_probabilities[layer, position])), str(rank)] if rank else ["", ""]


def statistics_table(statistics: Statistics, found: Sequence[Issue], *, everything: bool = False) -> str:
    """Return a row for each tensor: outputs and their gradients side by side, then the gradients of the weights."""
    rows = [["output", "rms", "mean", "largest", "zeros", "not finite", "its gradient: rms", "largest", "zeros"]]
    for point, x in statistics.outputs.items():
        if everything or layer_and_part(point)[1] in MAIN:
            gradient = statistics.gradients.get(point)
            rms, _, largest, zeros, _ = ["-"] * 5 if gradient is None else _cells(gradient)
            rows.append([point, *_cells(x), rms, largest, zeros])
    weights = [["weight's gradient", "rms", "mean", "largest", "zeros", "not finite", "weight: rms"]]
    for name, x in statistics.weight_gradients.items():
        weights.append([name, *_cells(x), f"{statistics.weights[name].rms:.3g}"])
    warnings = [f"warning: {issue.name}\n  {issue.says}" for issue in found] or ["no issues found"]
    return "\n".join([f"loss {statistics.loss:.4f}", "", aligned(rows), "", aligned(weights), "", *warnings])


def _cells(x: TensorStatistics) -> list[str]:
    bad = f"{100 * x.not_finite:.3g}%" if x.not_finite else "-"
    return [f"{x.rms:.3g}", f"{x.mean:.2g}", f"{x.largest:.3g}", f"{100 * x.zeros:.3g}%", bad]


def divergence_report(found: Divergence, *, everything: bool = False) -> str:
    """Return where two models differ first, by how much, and why."""
    lines = [f"  {name}: {a} in A, {b} in B" for name, (a, b) in found.settings.items()]
    lines = ["settings that differ:", *lines] if lines else []
    if found.first is None:
        compared = quantity(len(found.compared), "tensor")
        lines.append(f"no difference: {compared}, equal up to {found.tolerance:g} of the largest value of each")
    else:
        lines += _first(found, found.first)
    loss = "loss: {:.6g} in both" if found.losses[0] == found.losses[1] else "loss: {:.6g} in A, {:.6g} in B"
    lines.append(loss.format(*found.losses))
    if everything:
        rows = [["tensor", "", "relative", "largest", "fraction of values"]]
        for each in found.compared:
            gap = each.deviation
            sizes = [f"{gap.relative:.2g}", f"{gap.largest:.2g}", f"{100 * gap.fraction:.3g}%"]
            rows.append([f"{each.name} ({each.kind})", "differs" if each.differs else "", *sizes])
        lines += ["", aligned(rows)]
    return "\n".join(lines)


def _first(found: Divergence, first: Comparison) -> list[str]:
    gap = first.deviation
    at = ", ".join(f"{axis} {index}" for axis, index in zip(axes_of(first), gap.where, strict=True))
    before = found.compared[: found.compared.index(first)]
    last = f", the last {before[-1].name} ({before[-1].kind})" if before else ""
    lines = [
        f"first tensor that differs: {first.name} ({first.kind})",
        f"  largest    {gap.largest:.4g} at {at}: {gap.a:.6g} in A, {gap.b:.6g} in B",
        f"  relative   {gap.relative:.3g} of its largest value; the limit is {first.limit:g}",
        f"  fraction   {100 * gap.fraction:.3g}% of its values differ",
        f"  before it  {quantity(len(before), 'tensor')} {'agrees' if len(before) == 1 else 'agree'}{last}",
    ]
    if found.causes:
        cause, *others = found.causes
        lines += [f"likely cause: {cause.name}", f"  {cause.says}"]
        lines.append(f"  this explains the difference: of {gap.relative:.2g}, {cause.left:.2g} is left")
        if others:
            lines.append(f"  the values fit as well: {', '.join(other.name for other in others)}")
    else:
        lines.append("likely cause: unknown; none of the mistakes that are known here gives these values")
    end = next((each for each in found.compared if each.name == "logits" and each.kind == "value"), None)
    if end is not None and first.name != "logits":
        apart = f"{end.deviation.relative:.2g}"
        words = f"differ, by {apart}" if end.differs else f"agree again; they are no more than {apart} apart"
        lines.append(f"at the end: the logits {words}")
    if found.weights:
        total = sum(each.kind == "weight" for each in found.compared)
        shown = ", ".join(found.weights[:6]) + (", …" if len(found.weights) > 6 else "")
        lines.append(f"weights that differ: {len(found.weights)} of {total}: {shown}")
    return lines


def axes_of(compared: Comparison) -> tuple[str, ...]:
    """Return the names of the axes of a tensor that was compared."""
    count, part = len(compared.deviation.where), layer_and_part(compared.name)[1]
    if compared.kind.startswith("weight"):
        return ("expert", "row", "column")[3 - count :] if count > 1 else ("element",)
    if part.endswith(("scores", "pattern")):
        return ("text", "head", "query", "key")
    if part.endswith("mask"):
        return ("text", "query", "key")
    return ("text", "head", "position", "element") if count == 4 else ("text", "position", "element")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a table: the first column aligned left, the others right."""
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def percent(fraction: float) -> str:
    """Return a percentage in four characters; only what is exactly 0 or 1 is called 0% or 100%."""
    if 0 < fraction < 0.005:
        return " <1%"
    if 0.995 <= fraction < 1:
        return ">99%"
    return f"{100 * fraction:3.0f}%"
