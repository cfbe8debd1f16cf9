"""Optimizers: the pure updates, the classes that hold their state, and which weights get which."""

from llm_train.optimizers.adamw import AdamW, adamw_update
from llm_train.optimizers.muon import Muon, muon_update, orthogonalize
from llm_train.optimizers.param_groups import Together, build_optimizer

__all__ = ["AdamW", "Muon", "Together", "adamw_update", "build_optimizer", "muon_update", "orthogonalize"]
