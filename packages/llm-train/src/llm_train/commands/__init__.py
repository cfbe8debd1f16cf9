"""The command `llm-train`, one file per verb."""
