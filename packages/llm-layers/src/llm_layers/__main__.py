"""The command `llm-layers`; `python -m llm_layers` is the same."""

import sys


def main() -> int:
    """Run the command and return its exit status; also Ctrl-C while modules are imported ends it with a sentence."""
    try:
        from llm_layers.commands.main import main as command

        return command()
    except KeyboardInterrupt:
        print("llm-layers: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
