"""An independent witness: the same contracts through torch's own kernels, none of our code."""

from typing import Any

from llm_tokenizer.spec import Witness


def load_torch() -> Any:
    """Give the functions, or None where torch is not installed."""
    try:
        import torch
        from torch.nn import functional as F
    except ImportError:
        return None

    class TorchWitness:
        """Each contract in torch's words."""

        @staticmethod
        def embedding(ids: Any, table: Any) -> Any:
            return F.embedding(ids, table)

        @staticmethod
        def rms_norm(x: Any, gain: Any, eps: float) -> Any:
            return F.rms_norm(x, gain.shape, gain, eps)

        @staticmethod
        def rotary(x: Any, positions: Any, base: float) -> Any:
            # A pair is one complex number; turning it is multiplying with a number of length one.
            half = x.shape[-1] // 2
            wide = torch.promote_types(x.dtype, torch.float32)
            angle = positions.to(wide)[..., None] / base ** (torch.arange(half, dtype=wide) / half)
            turned = torch.complex(x[..., :half].to(wide), x[..., half:].to(wide)) * torch.polar(
                torch.ones_like(angle), angle
            )
            return torch.cat([turned.real, turned.imag], dim=-1).to(x.dtype)

        @staticmethod
        def softmax(scores: Any, axis: int) -> Any:
            return F.log_softmax(scores, dim=axis).exp()

        @staticmethod
        def causal_mask(query_positions: Any, key_positions: Any) -> Any:
            return torch.ge(query_positions.unsqueeze(-1), key_positions.unsqueeze(-2))

        @staticmethod
        def attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
            return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)

        @staticmethod
        def swiglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
            return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)

        @staticmethod
        def block(
            x: Any, positions: Any, attention_norm: Any, query: Any, key: Any, value: Any, query_norm: Any,
            key_norm: Any, output: Any, feed_forward_norm: Any, gate: Any, up: Any, down: Any,
            heads: int, kv_heads: int, rope_base: float, eps: float,
        ) -> Any:  # fmt: skip
            this = TorchWitness
            normed = this.rms_norm(x, attention_norm, eps)
            d_head = len(query_norm)
            q, k, v = (
                F.linear(normed, weight).reshape(*x.shape[:-1], count, d_head).transpose(-2, -3)
                for weight, count in ((query, heads), (key, kv_heads), (value, kv_heads))
            )
            q = this.rotary(this.rms_norm(q, query_norm, eps), positions, rope_base)
            k = this.rotary(this.rms_norm(k, key_norm, eps), positions, rope_base)
            mask = this.causal_mask(positions, positions)
            joined = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
            h = x + F.linear(joined.transpose(-2, -3).flatten(-2), output)
            return h + this.swiglu(this.rms_norm(h, feed_forward_norm, eps), gate, up, down)

        @staticmethod
        def cross_entropy(logits: Any, targets: Any, ignored: int) -> Any:
            loss = F.cross_entropy(
                logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=ignored, reduction="none"
            )
            return loss.sum() / max(1, int((targets != ignored).sum()))

    return TorchWitness


WITNESSES = (Witness("torch", load_torch, arrays="torch"),)
