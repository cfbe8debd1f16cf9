"""The command `llm-train`; `python -m llm_train` is the same."""

import sys


def main() -> int:
    """Run the command and return its exit status. Ctrl-C ends it with a sentence, also while modules are imported."""
    try:
        from llm_train.commands.main import main as command

        return command()
    except KeyboardInterrupt:
        print("llm-train: stopped; the same command resumes the run from what was saved", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
