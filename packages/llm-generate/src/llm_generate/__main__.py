"""`python -m llm_generate` is `llm-generate`."""

import sys

from llm_generate.commands.main import main

sys.exit(main())
