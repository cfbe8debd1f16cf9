"""The parts of training in plain NumPy float64: slow on purpose, written to be read.

The goldens of the specification come from here; `python -m llm_train.spec llm_train.reference`
checks this very module.
"""

from llm_train.reference.adamw import adamw
from llm_train.reference.averaging import ema
from llm_train.reference.clipping import clip_gradients
from llm_train.reference.combining import combine
from llm_train.reference.documents import document_targets, hold_out, pack_documents
from llm_train.reference.first_losses import first_losses
from llm_train.reference.loss_scale import loss_scale
from llm_train.reference.measures import bits_per_byte, perplexity
from llm_train.reference.muon import muon, orthogonalize
from llm_train.reference.permutation import permutation, row_keys, window_starts
from llm_train.reference.schedule import batch_size, sequence_length, warmup_cosine, warmup_linear, warmup_stable_decay
from llm_train.reference.sgd import sgd
from llm_train.reference.update_ratio import update_ratio

__all__ = [
    "adamw", "batch_size", "bits_per_byte", "clip_gradients", "combine", "document_targets", "ema", "first_losses",
    "hold_out", "loss_scale", "muon", "orthogonalize", "pack_documents", "permutation", "perplexity", "row_keys",
    "sequence_length", "sgd", "update_ratio", "warmup_cosine", "warmup_linear", "warmup_stable_decay", "window_starts",
]  # fmt: skip
