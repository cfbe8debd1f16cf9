"""Schedules by torch.optim.lr_scheduler, and in decimal numbers."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

import torch


class TorchWitness:
    """LinearLR followed by CosineAnnealingLR or LinearLR."""

    @staticmethod
    def warmup_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
        if step >= total_steps:
            return floor  # a scheduler has no word on what comes after its end
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
        falling: torch.optim.lr_scheduler.LRScheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, total_steps - warmup_steps, eta_min=floor
        )
        if step >= warmup_steps:
            scheduler, count = falling, step - warmup_steps
        else:
            start = 1 / warmup_steps
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
            scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start, 1.0, max(warmup_steps - 1, 1))
            count = step
        for _ in range(count if count < 10_000 else 0):
            optimizer.step()
            scheduler.step()
        if count >= 10_000:
            scheduler.step(count)  # straight to this step
        return float(optimizer.param_groups[0]["lr"])

    @staticmethod
    def warmup_stable_decay(
        step: int, peak: float, floor: float, warmup_steps: int, total_steps: int, decay_steps: float
    ) -> float:
        if step < warmup_steps:
            return TorchWitness.warmup_cosine(step, peak, floor, warmup_steps, total_steps)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
        falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, floor / peak, decay_steps)  # type: ignore[arg-type]
        falling.step(max(0.0, step - (total_steps - decay_steps)))  # type: ignore[arg-type]
        return float(optimizer.param_groups[0]["lr"])

    @staticmethod
    def warmup_linear(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
        return TorchWitness.warmup_stable_decay(
            step, peak, floor, warmup_steps, total_steps, total_steps - warmup_steps
        )

    @staticmethod
    def batch_size(step: int, sizes: Sequence[int], stage_steps: Sequence[int]) -> tuple[int, int]:
        lengths = torch.tensor([*stage_steps[: len(sizes) - 1], step + 1])
        all_sizes = torch.repeat_interleave(torch.tensor(sizes), lengths)
        return int(all_sizes[step]), int(all_sizes[:step].sum())


class DecimalWitness:
    """Numbers of 60 digits."""

    @staticmethod
    def warmup_stable_decay(step: int, *settings: float) -> float:
        with localcontext(prec=60):
            peak, floor, warmup, total, decay = map(Decimal, settings)
            if step < warmup:
                return float(peak * (step + 1) / warmup)
            return float(max(floor, min(peak, floor + (peak - floor) * (total - step) / decay)))

    @staticmethod
    def warmup_linear(step: int, *settings: float) -> float:
        peak, floor, warmup, total = settings
        return DecimalWitness.warmup_stable_decay(step, peak, floor, warmup, total, total - warmup)

    @staticmethod
    def sequence_length(step: int, first: int, last: int, growth_steps: int, multiple: int) -> int:
        """Try all lengths, from the longest."""
        for length in range(last, first, -1):
            due = Fraction((length - first) * growth_steps, last - first)  # the step in which the line is there
            if step >= growth_steps or (step >= due and (length - first) % multiple == 0):
                return length
        return first
