"""`python -m llm_train` equals `llm-train`."""

import sys

if __name__ == "__main__":
    try:
        from llm_train.command import main

        raise SystemExit(main())
    except KeyboardInterrupt:  # before the command can take care of it, while torch loads, or a second one
        print("llm-train: stopped; the same command goes on from what was saved", file=sys.stderr)
        raise SystemExit(130) from None
