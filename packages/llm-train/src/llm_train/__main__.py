"""`python -m llm_train` is `llm-train`."""

import sys

if __name__ == "__main__":
    try:
        from llm_train.commands.main import main

        raise SystemExit(main())
    except KeyboardInterrupt:  # before the command can handle it, while modules are imported, or a second one
        print("llm-train: stopped; the same command resumes the run from what was saved", file=sys.stderr)
        raise SystemExit(130) from None
