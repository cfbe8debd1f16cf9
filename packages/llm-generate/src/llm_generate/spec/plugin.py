"""`pytest -p llm_generate.spec.plugin --pyargs llm_generate.spec --implementation my_code`."""

from llm_tokenizer.conformance.plugin import pytest_addoption

__all__ = ["pytest_addoption"]
