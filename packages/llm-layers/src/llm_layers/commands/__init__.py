"""The verbs of `llm-layers`, one module each: what it takes, and what it does."""
