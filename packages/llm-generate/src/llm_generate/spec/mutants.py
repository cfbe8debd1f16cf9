"""`python -m llm_generate.spec.mutants`: the mutation score of this package's specification."""

from llm_generate.spec import SPECIFICATION
from llm_tokenizer.conformance.mutation import main

# Planted faults that change no answer, each with the reason.
EQUIVALENT: dict[str, str] = {}

if __name__ == "__main__":
    raise SystemExit(main(SPECIFICATION, EQUIVALENT))
