"""`python -m llm_train.spec.goldens`: recompute every golden from its witnesses."""

from llm_tokenizer.conformance.provenance import main
from llm_train.spec import SPECIFICATION

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION))
