"""Optimizers: the pure updates `adamw_update` and `muon_update`, the classes that hold their state, and who gets which."""

from llm_train.optimizers.adamw import AdamW, adamw_update
from llm_train.optimizers.assignment import Together, build_optimizer
from llm_train.optimizers.muon import Muon, muon_update, orthogonalize

__all__ = ["AdamW", "Muon", "Together", "adamw_update", "build_optimizer", "muon_update", "orthogonalize"]
