"""The command `llm-generate`."""
