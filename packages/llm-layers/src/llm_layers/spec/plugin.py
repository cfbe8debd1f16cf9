"""`pytest -p llm_layers.spec.plugin --pyargs llm_layers.spec --implementation my_code`."""

from llm_tokenizer.conformance.plugin import pytest_addoption

__all__ = ["pytest_addoption"]
