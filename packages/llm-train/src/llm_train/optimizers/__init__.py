"""Optimizers: SGD, AdamW and Muon as in-place updates and as classes that hold their state, and what goes with them.

Parameter groups, clipping, weight averaging, the loss scale of float16, and how far a step moves the weights.
"""

from llm_train.optimizers.adamw import AdamW, adamw_update
from llm_train.optimizers.averaging import WeightAverage, ema_update
from llm_train.optimizers.clipping import clip_gradients
from llm_train.optimizers.loss_scale import LossScale, update_loss_scale
from llm_train.optimizers.muon import Muon, muon_update, orthogonalize
from llm_train.optimizers.param_groups import CombinedOptimizer, build_optimizer
from llm_train.optimizers.sgd import SGD, sgd_update
from llm_train.optimizers.update_ratio import update_ratio, update_ratios

__all__ = [
    "SGD", "AdamW", "CombinedOptimizer", "LossScale", "Muon", "WeightAverage", "adamw_update", "build_optimizer",
    "clip_gradients", "ema_update", "muon_update", "orthogonalize", "sgd_update", "update_loss_scale", "update_ratio",
    "update_ratios",
]  # fmt: skip
