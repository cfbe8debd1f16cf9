"""The command `llm-layers`: `verbs` holds the options, and each verb has a module with what it does."""
