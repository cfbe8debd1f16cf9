"""`python -m llm_layers.spec`."""

from llm_layers.spec import SPECIFICATION
from llm_tokenizer.conformance.command import main

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
