"""Who is measured: our decoder with clear and fast kernels, plain torch.nn code, and transformers' own modules.

Each contestant is a model and a function that gives the mean cross-entropy of a batch; same shapes for all, tied head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers import EAGER, FAST, FUSED, Decoder, Kernels, ModelConfig, linear_cross_entropy
from llm_layers.config import GPT2, QWEN3

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Size:
    """A shape and a batch."""

    vocab: int
    width: int
    layers: int
    heads: int
    batch: int
    positions: int

    @property
    def gated_width(self) -> int:
        """Two thirds of four times the width: a gated part of as many weights as a plain one."""
        return 8 * self.width // 3 // 8 * 8

    def tokens(self) -> tuple[Tensor, Tensor]:
        """A batch and its targets."""
        draw = torch.Generator().manual_seed(0)
        both = torch.randint(0, self.vocab, (2, self.batch, self.positions), generator=draw)
        return both[0], both[1]


SIZES = {
    "4 x 128": Size(vocab=65, width=128, layers=4, heads=4, batch=12, positions=64),
    "6 x 384": Size(vocab=65, width=384, layers=6, heads=6, batch=64, positions=256),
    "GPT-2 124M": Size(vocab=50257, width=768, layers=12, heads=12, batch=2, positions=256),
}
RUNGS: dict[str, Kernels] = {
    "clear": EAGER,
    "+ norms": (norms := replace(EAGER, rms_norm=FAST.rms_norm, layer_norm=FAST.layer_norm)),
    "+ feed-forward": (inside := replace(norms, swiglu=FAST.swiglu, gelu_feed_forward=FAST.gelu_feed_forward)),
    "+ attention": replace(inside, attention=FAST.attention),
    "+ chunked loss": FAST,
}
"""The way from clear to fast, one kind of kernel after the other."""


class PlainBlock(nn.Module):
    """A block in torch.nn's own modules, shaped as nanoGPT's: one product for query, key and value, exact GELU."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, positions, width = x.shape
        parts = self.query_key_value(self.first_norm(x)).split(width, dim=2)
        split = [part.view(batch, positions, self.heads, -1).transpose(1, 2) for part in parts]
        gathered = F.scaled_dot_product_attention(*split, is_causal=True)
        x = x + self.output(gathered.transpose(1, 2).contiguous().view(batch, positions, width))
        return x + self.down(F.gelu(self.up(self.second_norm(x))))


class PlainModel(nn.Module):
    """Embedding, positions, blocks, norm, tied head."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(size.vocab, size.width), nn.Embedding(size.positions, size.width)
        self.blocks = nn.ModuleList(PlainBlock(size.width, size.heads) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)
        self.head = nn.Linear(size.width, size.vocab, bias=False)
        self.head.weight = self.tokens.weight
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def contestant(name: str, size: Size) -> tuple[nn.Module, Loss]:
    """Make one: "torch.nn", "GPT2LMHeadModel", "Qwen3ForCausalLM", or ours as "gpt2 ⟨kernels⟩" or "qwen3 ⟨kernels⟩"."""
    torch.manual_seed(0)
    if name == "torch.nn":
        model: nn.Module = PlainModel(size)
        return model, _with_all_logits(model)
    if name in ("GPT2LMHeadModel", "Qwen3ForCausalLM"):
        theirs = _transformers(name, size)
        return theirs, _with_all_logits(lambda tokens: theirs(tokens, use_cache=False).logits)
    design, _, rung = name.partition(" ")
    kernels = {"fast": FAST, "fused": FUSED} | RUNGS
    return _ours(design, kernels[rung], size)


def _ours(design: str, kernels: Kernels, size: Size) -> tuple[nn.Module, Loss]:
    config = ModelConfig(
        vocab_size=size.vocab,
        d_model=size.width,
        layers=size.layers,
        heads=size.heads,
        kv_heads=size.heads,
        d_head=size.width // size.heads,
        d_ff=4 * size.width if design == "gpt2" else size.gated_width,
        context_length=size.positions,
        tied_embeddings=True,
        design={"gpt2": GPT2, "qwen3": QWEN3}[design],
    )
    model = Decoder(config, kernels=kernels)
    if kernels is not FAST:
        return model, _with_all_logits(model)
    return model, lambda tokens, targets: linear_cross_entropy(model.hidden(tokens), model.head_weight, targets)


def _transformers(name: str, size: Size) -> Any:
    import transformers

    transformers.logging.set_verbosity_error()
    if name == "GPT2LMHeadModel":
        config: Any = transformers.GPT2Config(
            vocab_size=size.vocab,
            n_embd=size.width,
            n_layer=size.layers,
            n_head=size.heads,
            n_positions=size.positions,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=None,
            eos_token_id=None,
        )
        return transformers.GPT2LMHeadModel(config).train()
    config = transformers.Qwen3Config(
        vocab_size=size.vocab,
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        head_dim=size.width // size.heads,
        intermediate_size=size.gated_width,
        max_position_embeddings=size.positions,
        tie_word_embeddings=True,
    )
    return transformers.Qwen3ForCausalLM(config).train()


def _with_all_logits(model: Callable[[Tensor], Tensor]) -> Loss:
    return lambda tokens, targets: F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())


def step(model: nn.Module, loss: Loss, tokens: Tensor, targets: Tensor, *, low: bool) -> None:
    """Forward and backward; the gradients are let go as an optimizer would let them go."""
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        value = loss(tokens, targets)
    value.backward()
    model.zero_grad(set_to_none=True)
