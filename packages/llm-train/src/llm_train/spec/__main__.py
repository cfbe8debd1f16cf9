"""`python -m llm_train.spec`."""

from llm_tokenizer.conformance.command import main
from llm_train.spec import SPECIFICATION

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
