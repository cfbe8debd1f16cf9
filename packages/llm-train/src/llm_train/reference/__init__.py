"""The parts of training in plain NumPy float64: slow on purpose, written to be read.

The goldens of the specification come from here; `python -m llm_train.spec llm_train.reference`
checks this very module.
"""

from llm_train.reference.documents import document_targets, hold_out, pack_documents
from llm_train.reference.gradients import clip_gradients
from llm_train.reference.optimizers import adamw
from llm_train.reference.permutation import permutation, row_keys, window_starts
from llm_train.reference.schedule import warmup_cosine, warmup_stable_decay

__all__ = [
    "adamw", "clip_gradients", "document_targets", "hold_out", "pack_documents", "permutation", "row_keys",
    "warmup_cosine", "warmup_stable_decay", "window_starts",
]  # fmt: skip
