"""`python -m llm_generate.spec`."""

from llm_generate.spec import SPECIFICATION
from llm_tokenizer.conformance.command import main

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
