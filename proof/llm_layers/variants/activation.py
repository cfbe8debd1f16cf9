"""Activations: correct implementations written otherwise."""

import math
from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.gelu")
variant("torch's own kernel")(F.gelu)
variant("torch's erf")(lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))))
variant("torch's complementary erf")(lambda x: x * torch.special.erfc(-x * math.sqrt(0.5)) / 2)
variant("torch's normal distribution")(lambda x: x * torch.special.ndtr(x))
variant("NumPy, Python's erf", arrays="numpy")(
    lambda x: (0.5 * x * (1 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2)))).astype(x.dtype)
)


variant = VARIANTS.of("layers.gelu_tanh")
variant("torch's own kernel")(partial(F.gelu, approximate="tanh"))
variant("torch's tanh")(lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))))
variant("a sigmoid of twice the argument")(
    lambda x: x * torch.sigmoid(math.sqrt(8 / math.pi) * x * (1 + 0.044715 * x.square()))
)
variant("NumPy", arrays="numpy")(lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x))))


variant = VARIANTS.of("layers.silu")
variant("torch's own kernel")(F.silu)
variant("torch's sigmoid")(lambda x: x * torch.sigmoid(x))
variant("a tanh of half the argument")(lambda x: x / 2 + x / 2 * torch.tanh(x / 2))
variant("a quotient, NumPy", arrays="numpy")(lambda x: x / (1 + np.exp(-x)))
variant("through the logarithm of the sigmoid")(lambda x: x * F.logsigmoid(x).exp())


variant = VARIANTS.of("layers.relu_squared")
variant("clamped")(lambda x: x.clamp(min=0) ** 2)
variant("x times its ReLU")(lambda x: x * F.relu(x))
variant("where")(lambda x: torch.where(x > 0, x * x, torch.zeros_like(x)))
variant("NumPy", arrays="numpy")(lambda x: np.square(np.clip(x, 0, None)))
variant("product with the step")(lambda x: x * x * (x > 0))
