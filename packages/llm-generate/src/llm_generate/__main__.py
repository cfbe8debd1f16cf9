"""`python -m llm_generate` is `llm-generate`."""

import sys

from llm_generate.command import main

sys.exit(main())
