"""Every case of this package's specification as a test of its own."""

from llm_generate.spec import SPECIFICATION
from llm_tokenizer.conformance.plugin import contract_test

test_contract = contract_test(SPECIFICATION)
