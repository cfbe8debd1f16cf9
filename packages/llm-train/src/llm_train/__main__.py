"""`python -m llm_train` equals `llm-train`."""

from llm_train.command import main

if __name__ == "__main__":
    raise SystemExit(main())
