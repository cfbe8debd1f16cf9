"""Mistakes that people really make, each a small wrong implementation. Every one must fail a case."""

from llm_tokenizer.spec.slips.chatting import *  # noqa: F403
from llm_tokenizer.spec.slips.cutting import *  # noqa: F403
from llm_tokenizer.spec.slips.decoding import *  # noqa: F403
from llm_tokenizer.spec.slips.encoding import *  # noqa: F403
from llm_tokenizer.spec.slips.pairs import *  # noqa: F403
from llm_tokenizer.spec.slips.round_trip import *  # noqa: F403
from llm_tokenizer.spec.slips.special import *  # noqa: F403
from llm_tokenizer.spec.slips.streaming import *  # noqa: F403
from llm_tokenizer.spec.slips.table import *  # noqa: F403
from llm_tokenizer.spec.slips.training import *  # noqa: F403
