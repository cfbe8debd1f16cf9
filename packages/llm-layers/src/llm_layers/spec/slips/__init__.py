"""Mistakes that people really make, each as a small wrong implementation; every one must be caught.

They stand one file a part and are gathered here under names such as `norm_eps_outside`.
"""

from llm_layers.spec.parts import gather
from llm_tokenizer.conformance import Alternative

globals().update(gather("slips", Alternative))
