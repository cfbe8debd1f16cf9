"""The fast paths, for those who installed the extra `fast` (numba): the same ids, many times sooner."""

from llm_tokenizer.fast.encoder import FastEncoder

__all__ = ["FastEncoder"]
