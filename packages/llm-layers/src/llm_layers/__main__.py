"""`python -m llm_layers` is `llm-layers`."""

import sys

from llm_layers.command import main

sys.exit(main())
