"""`pytest -p llm_train.spec.plugin --pyargs llm_train.spec --implementation my_code`."""

from llm_tokenizer.conformance.plugin import pytest_addoption

__all__ = ["pytest_addoption"]
