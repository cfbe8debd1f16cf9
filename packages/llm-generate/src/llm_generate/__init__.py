"""llm-generate: a trained model to text.

| module | contains |
|---|---|
| `settings` | `SamplingSettings`: temperature, top-k, top-p and seed of one request |
| `sampling` | temperature and two filters as pure functions, the draw, and the sampler |
| `decoding` | the decode loop: read the prompt, then make one token at a time |
| `streaming`, `stopping` | text as it is made, never half a character; stop strings |
| `loading` | the model, its tokenizer, and the ids that begin and end a text |
| `interface` | what a sampler or a decode loop of your own must offer |
| `commands`, `reference`, `spec` | `llm-generate`; the same functions in plain NumPy; the specification |
"""

from typing import TYPE_CHECKING

import llm_layers  # noqa: F401  (it refuses another project's llm_tokenizer)
from llm_tokenizer.commands.deferred_imports import deferred_imports

if TYPE_CHECKING:
    from llm_generate.decoding import Generation as Generation
    from llm_generate.decoding import generate as generate
    from llm_generate.interface import DecodeLoop as DecodeLoop
    from llm_generate.interface import GenerateError as GenerateError
    from llm_generate.interface import Sampler as Sampler
    from llm_generate.interface import TokenStream as TokenStream
    from llm_generate.loading import LoadedModel as LoadedModel
    from llm_generate.loading import load as load
    from llm_generate.sampling import CategoricalSampler as CategoricalSampler
    from llm_generate.sampling import distribution as distribution
    from llm_generate.sampling import draw as draw
    from llm_generate.sampling import new_generator as new_generator
    from llm_generate.sampling import temperature as temperature
    from llm_generate.sampling import top_k as top_k
    from llm_generate.sampling import top_p as top_p
    from llm_generate.settings import SamplingSettings as SamplingSettings
    from llm_generate.stopping import StopStrings as StopStrings
    from llm_generate.streaming import TextStream as TextStream
    from llm_generate.streaming import stream_text as stream_text

__getattr__, __all__ = deferred_imports(__name__, __file__)
