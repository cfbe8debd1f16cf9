"""Large cases of training: late steps, long schedules, wide parameters and hundreds of gradients, one file a part."""

from llm_tokenizer.conformance.large import LargeCases
from llm_tokenizer.conformance.parts import modules_of_parts
from llm_train.spec.parts import PARTS

LARGE = LargeCases(*(module.LARGE for module in modules_of_parts(__name__, PARTS)))
