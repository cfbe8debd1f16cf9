"""Updates of GPT-2's shape as nanoGPT makes them, in a process of its own: `python nanogpt_updates.py DTYPE UPDATES`.

torch.nn's modules and SDPA, autocast to DTYPE, torch.compile, clipping, fused AdamW, all of torch's threads. It prints
the median seconds of an update as JSON; the first two, in which the model is compiled, do not count. The batches are
drawn at random: what is in them does not change the time, and drawing them costs less than reading a text.

The shape follows Karpathy, nanoGPT, train.py and config/train_shakespeare_char.py, without dropout.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[2] / "llm-layers" / "bench"))  # the same peer as for the layers alone

from contestants import SIZES, PlainModel


def main() -> None:
    """Make the updates."""
    dtype, updates = getattr(torch, sys.argv[1]), int(sys.argv[2])
    size = SIZES["6 x 384"]
    torch.manual_seed(0)
    model: nn.Module = torch.compile(PlainModel(size))
    groups = [
        {"params": [one for one in model.parameters() if one.ndim > 1], "weight_decay": 0.1},
        {"params": [one for one in model.parameters() if one.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    taken = []
    for _ in range(updates):
        began = time.perf_counter()
        tokens, targets = torch.randint(0, size.vocab, (2, size.batch, size.positions))
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            loss = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        taken.append(time.perf_counter() - began)
    print(json.dumps({"seconds_per_update": median(taken[2:])}))


if __name__ == "__main__":
    main()
