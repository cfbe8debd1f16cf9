"""Optimizers: AdamW and Muon as in-place updates and as classes that hold their state, parameter groups, clipping."""

from llm_train.optimizers.adamw import AdamW, adamw_update
from llm_train.optimizers.clipping import clip_gradients
from llm_train.optimizers.muon import Muon, muon_update, orthogonalize
from llm_train.optimizers.param_groups import CombinedOptimizer, build_optimizer

__all__ = [
    "AdamW", "CombinedOptimizer", "Muon", "adamw_update", "build_optimizer", "clip_gradients", "muon_update",
    "orthogonalize",
]  # fmt: skip
