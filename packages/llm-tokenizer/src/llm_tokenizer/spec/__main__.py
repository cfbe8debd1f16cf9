"""`python -m llm_tokenizer.spec`."""

from llm_tokenizer.spec import SPECIFICATION
from llm_tokenizer.spec.command import main

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
