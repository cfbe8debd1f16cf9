"""`python -m llm_tokenizer.spec.mutants`: the mutation score of this package's specification."""

from llm_tokenizer.conformance.mutation import main
from llm_tokenizer.spec import SPECIFICATION

# Planted faults that change no answer, each with the reason.
EQUIVALENT: dict[str, str] = {}

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION, EQUIVALENT))
