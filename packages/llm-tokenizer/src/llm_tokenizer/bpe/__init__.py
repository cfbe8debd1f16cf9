"""Byte-pair encoding: splitting a text, counting, training, encoding; `fast/` is the same, compiled."""
