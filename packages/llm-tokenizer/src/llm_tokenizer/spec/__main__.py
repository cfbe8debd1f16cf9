"""`python -m llm_tokenizer.spec`."""

from llm_tokenizer.conformance.command import main
from llm_tokenizer.spec import SPECIFICATION

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
