"""The command `llm-tokenizer`; `python -m llm_tokenizer` is the same."""

import sys


def main() -> int:
    """Run the command and return its exit status; Ctrl-C ends it with a sentence, also while modules are imported."""
    try:
        from llm_tokenizer.commands.main import main as command

        return command()
    except KeyboardInterrupt:
        print("llm-tokenizer: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
