"""`python -m llm_layers.spec.goldens`: recompute every golden from its witnesses."""

from llm_layers.spec import SPECIFICATION
from llm_tokenizer.conformance.provenance import main

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
