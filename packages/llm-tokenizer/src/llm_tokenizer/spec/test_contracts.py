"""Every case of this package's specification as a test of its own."""

from llm_tokenizer.conformance.plugin import contract_test
from llm_tokenizer.spec import SPECIFICATION

test_contract = contract_test(SPECIFICATION)
