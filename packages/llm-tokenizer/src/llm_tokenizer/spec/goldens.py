"""`python -m llm_tokenizer.spec.goldens`: recompute every golden from its witnesses."""

from llm_tokenizer.conformance.provenance import main
from llm_tokenizer.spec import SPECIFICATION

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
