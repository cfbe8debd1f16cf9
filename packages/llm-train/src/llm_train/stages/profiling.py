"""Where the time of an update goes: torch's profiler around a few updates, and a table by kind of work."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.profiler import ProfilerActivity, profile, record_function

from llm_tokenizer.files.writing import atomic_path, write_errors_as
from llm_train.interface import Optimizer, TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.recipes.settings import ScheduleSettings
from llm_train.runs.progress import Reporter
from llm_train.stages.build import build_model, build_trainer
from llm_train.stages.rehearsal import rehearsal

NO_GROWTH: dict[str, Any] = {
    name: getattr(ScheduleSettings(), name)
    for name in ("batch_doublings", "first_length", "length_growth", "length_multiple")
}
"""A few updates are no run to grow in: they have the first batch, and rows of the whole length."""
WARM_UP = 2
"""Updates before the profile: the first ones wait for memory and kernels."""
OPTIMIZER = "optimizer"
"""Name of the part of the trace in which the weights are updated."""
KINDS: dict[str, tuple[str, ...]] = {
    "products": ("mm", "addmm", "addmv", "mv", "linear", "_int_mm"),
    "attention": (
        "bmm", "baddbmm", "_softmax", "_softmax_backward_data", "scaled_dot_product_attention", "masked_fill",
        "masked_fill_", "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_flash_attention_for_cpu_backward", "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_efficient_attention_backward", "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_flash_attention_backward", "_flash_attention_forward", "_flash_attention_backward",
    ),
    "loss": (
        "_log_softmax", "_log_softmax_backward_data", "nll_loss_forward", "nll_loss_backward", "logsumexp", "nll_loss",
    ),
    "copies": (
        "copy_", "_to_copy", "clone", "cat", "contiguous", "fill_", "zero_", "empty", "empty_like", "empty_strided",
        "zeros", "zeros_like", "new_zeros", "index", "index_select", "gather", "embedding", "stack", "repeat",
    ),
    "element by element": (
        "mul", "mul_", "add", "add_", "sub", "sub_", "div", "div_", "neg", "pow", "pow_", "sum", "mean", "rsqrt",
        "sqrt", "reciprocal", "sigmoid", "silu", "silu_backward", "sigmoid_backward", "gelu", "gelu_backward", "exp",
        "where", "addcmul", "addcdiv", "_fused_rms_norm", "_fused_rms_norm_backward", "native_layer_norm",
        "native_layer_norm_backward", "native_dropout", "native_dropout_backward", "relu", "tanh", "cos", "sin",
        "linalg_vector_norm", "threshold_backward", "square", "clamp", "maximum", "minimum", "lerp", "rms_norm",
    ),
}  # fmt: skip
"""torch's operations by kind of work; a product of batches of matrices is attention, in our models nothing else is."""
_KIND = {f"aten::{name}": kind for kind, names in KINDS.items() for name in names}


@dataclass(frozen=True)
class Profile:
    """What was seen in some updates."""

    updates: int
    tokens: int
    """Of one update."""
    seconds: Mapping[str, float]
    """By kind of work, of all updates together, the largest first."""
    operations: Mapping[str, float]
    """The same by name of the operation."""
    trace: Path


def profile_updates(recipe: Recipe, folder: Path, trace: Path, reporter: Reporter, *, updates: int) -> Profile:
    """Profile a few updates of a recipe, and write a trace that chrome://tracing and Perfetto open.

    All rows of a batch go through one thread, because torch's profiler sees only the thread that started it.

    Args:
        recipe: what to train; it is not kept.
        folder: where the run would be.
        trace: file for the trace.
        reporter: prints the stages.
        updates: how many are seen.

    Raises:
        TrainError: a run of the recipe would be refused, or the trace cannot be written.
    """
    with write_errors_as(TrainError, trace):
        trace.parent.mkdir(parents=True, exist_ok=True)
    if recipe.compute.precision == "auto":
        recipe = recipe.with_values(precision="float32")
    recipe = recipe.with_values(steps=WARM_UP + updates, **NO_GROWTH)
    with rehearsal(recipe, folder, reporter, threads=1) as prepared:
        trainer = build_trainer(prepared.recipe, build_model(recipe), prepared.prepared.training, prepared.workers)
        trainer.optimizer = _Named(trainer.optimizer)
        with reporter.stage("profile") as stage:
            stage.display("profiling updates")
            for _ in trainer.run(0, WARM_UP):
                pass
            with profile(activities=[ProfilerActivity.CPU]) as seen:
                tokens = [step.tokens for step in trainer.run(WARM_UP, WARM_UP + updates)]
            with write_errors_as(TrainError, trace), atomic_path(trace) as unfinished:
                seen.export_chrome_trace(str(unfinished))
            kinds, operations = _by_kind(seen.events() or [])
            stage.report = f"{updates} updates, {sum(kinds.values()) / updates:.3f} s each in one thread"
    return Profile(updates, tokens[0], kinds, operations, trace)


class _Named:
    """An optimizer whose step has a name in the trace."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float) -> None:
        """Make the update inside the named part."""
        with record_function(OPTIMIZER):
            self.optimizer.step(gradients, lr_multiplier)

    def state(self) -> dict[str, Tensor]:
        """Return the optimizer's state."""
        return self.optimizer.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the optimizer's state."""
        self.optimizer.load_state(state)


def _by_kind(events: Iterable[Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds of each kind of work and of each operation, without those of the operations inside it."""
    kinds: dict[str, float] = defaultdict(float)
    operations: dict[str, float] = defaultdict(float)
    for event in events:
        seconds = event.self_cpu_time_total / 1e6
        inside = event
        while inside is not None and inside.name != OPTIMIZER:
            inside = inside.cpu_parent
        kind = _KIND.get(event.name, "other") if inside is None else OPTIMIZER
        kinds[kind] += seconds
        operations[event.name] += seconds
    return _largest_first(kinds), _largest_first(operations)


def _largest_first(seconds: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(seconds.items(), key=lambda one: -one[1]))
