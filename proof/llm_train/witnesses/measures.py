"""Perplexity and bits per byte by torch, and in decimal numbers."""

from decimal import Decimal, localcontext

import torch


class TorchWitness:
    """torch.exp, and the logarithm to base 2 of a token's probability."""

    @staticmethod
    def perplexity(loss: float) -> float:
        return torch.tensor(loss, dtype=torch.float64).exp().item()

    @staticmethod
    def bits_per_byte(loss: float, tokens_per_byte: float) -> float:
        bits = torch.tensor(loss, dtype=torch.float64) * torch.tensor(torch.e, dtype=torch.float64).log2()
        return float(bits.item() * tokens_per_byte)


class DecimalWitness:
    """Numbers of 60 digits."""

    @staticmethod
    def perplexity(loss: float) -> float:
        with localcontext(prec=60):
            return float(Decimal(loss).exp())  # beyond all numbers: infinity

    @staticmethod
    def bits_per_byte(loss: float, tokens_per_byte: float) -> float:
        with localcontext(prec=60):
            return float(Decimal(loss) * Decimal(tokens_per_byte) / Decimal(2).ln())
