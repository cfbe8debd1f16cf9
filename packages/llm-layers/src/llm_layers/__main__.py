"""`python -m llm_layers` is `llm-layers`."""

import sys

from llm_layers.commands.main import main

sys.exit(main())
