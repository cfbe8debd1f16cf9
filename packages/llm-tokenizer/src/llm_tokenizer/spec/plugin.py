"""`pytest -p llm_tokenizer.spec.plugin --pyargs llm_tokenizer.spec --implementation my_code`."""

from llm_tokenizer.conformance.plugin import pytest_addoption

__all__ = ["pytest_addoption"]
