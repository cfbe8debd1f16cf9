"""`python -m llm_generate.spec.goldens`: recompute every golden from its witnesses."""

from llm_generate.spec import SPECIFICATION
from llm_tokenizer.conformance.provenance import main

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
