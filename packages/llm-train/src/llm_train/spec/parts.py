"""The parts of training in reading order: one file a part, here and in the proof."""

PARTS = (
    "sgd",
    "adamw",
    "muon",
    "clipping",
    "loss_scale",
    "averaging",
    "update_ratio",
    "schedules",
    "combining",
    "measures",
    "permutation",
    "documents",
    "first_losses",
)
