"""The loss of a head and its gradients in a process of its own: `python one_head.py all|fast VOCAB POSITIONS`.

Prints processor seconds, and the peak memory above what the process, the states and the head held before.
"""

from __future__ import annotations

import json
import sys
import time

import torch
from one_step import forget_the_peak, megabytes
from torch.nn import functional as F

from llm_layers import linear_cross_entropy

WIDTH = 768


def main() -> None:
    way, vocab, positions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    states = torch.randn(positions, WIDTH, requires_grad=True)
    head = torch.empty(vocab, WIDTH).normal_(std=0.02).requires_grad_()
    targets = torch.randint(0, vocab, (positions,))
    forget_the_peak()
    held = megabytes("VmRSS")
    start = time.process_time()
    loss = F.cross_entropy(states @ head.T, targets) if way == "all" else linear_cross_entropy(states, head, targets)
    loss.backward()
    print(json.dumps({"seconds": time.process_time() - start, "peak": megabytes("VmHWM") - held}))


if __name__ == "__main__":
    main()
