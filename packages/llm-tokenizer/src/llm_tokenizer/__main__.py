"""`python -m llm_tokenizer` is the command `llm-tokenizer`."""

from llm_tokenizer.commands.main import main

if __name__ == "__main__":
    raise SystemExit(main())
