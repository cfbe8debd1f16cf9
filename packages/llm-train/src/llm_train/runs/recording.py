"""From an update to a row of each log."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from llm_train.optimizers.param_groups import kind_of_weight
from llm_train.optimizers.update_ratio import update_ratios
from llm_train.runs.memory import peak_memory
from llm_train.runs.progress import LoopProgress, Reporter
from llm_train.trainer import Step


class Recorder:
    """Measures what the logs of a run hold about its updates."""

    def __init__(
        self,
        model: nn.Module,
        measured: frozenset[int],
        progress: LoopProgress,
        reporter: Reporter,
        *,
        flops_per_token: Callable[[int], float],
        peak_flops: float | None,
    ) -> None:
        """Set up the measuring.

        Args:
            model: whose weights are updated.
            measured: the numbers of the updates whose size is measured: it takes a copy of all weights.
            progress: counts tokens and seconds of the loop.
            reporter: knows the seconds of the whole run.
            flops_per_token: of the update of a number, from 1: it grows with the length of the rows.
            peak_flops: of the machine, per second, if that is known.
        """
        self.model, self.measured = model, measured
        self.progress, self.reporter = progress, reporter
        self.flops_per_token, self.peak_flops = flops_per_token, peak_flops
        self._before: dict[str, Tensor] | None = None

    def prepare(self, number: int) -> None:
        """Get ready for the update of this number."""
        self._before = self._weights() if number in self.measured else None
        if self._before is not None:
            self._before = {name: weight.clone() for name, weight in self._before.items()}

    def rows(self, step: Step) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what follows from the state alone, and what depends on the machine."""
        speed = self.progress.update(step.number, step.loss, step.tokens)
        metrics: dict[str, Any] = asdict(step) | {"tokens": self.progress.tokens}
        metrics.pop("number")
        if not step.left_out:
            metrics.pop("left_out")
        if self._before is not None:
            ratios = update_ratios(self._before, self._weights(), lambda name, one: kind_of_weight(name, one.ndim))
            metrics["update_ratio"] = ratios
        timings = {"seconds": round(self.reporter.elapsed, 3), "tokens_per_second": round(speed, 1)}
        if (share := self.share_of_peak(speed * self.flops_per_token(step.number))) is not None:
            timings["peak_share"] = round(share, 4)
        if (memory := peak_memory()) is not None:
            timings["memory_mb"] = round(memory / 1e6, 1)
        return metrics, timings

    def share_of_peak(self, flops_per_second: float) -> float | None:
        """Return which part of the machine's peak a speed makes use of; None where the peak is not known."""
        return None if self.peak_flops is None else flops_per_second / self.peak_flops

    def _weights(self) -> dict[str, Tensor]:
        return {name: weight.detach() for name, weight in self.model.named_parameters()}
