"""llm-generate: a trained model to text.

| module | contains |
|---|---|
| `settings` | `SamplingSettings`: temperature, top-k, top-p and seed of one request |
| `sampling` | the three filters as pure functions, the draw, and the sampler |
| `decoding` | the decode loop: read the prompt, then make one token at a time |
| `streaming`, `stopping` | text as it is made, never half a character; stop strings |
| `loading` | the model, its tokenizer, and the ids that begin and end a text |
| `interface` | what a sampler or a decode loop of your own must offer |
| `commands`, `reference`, `spec` | `llm-generate`; the filters in plain NumPy; the specification |
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import llm_tokenizer

if "BytePairTokenizer" not in getattr(llm_tokenizer, "__all__", ()):
    raise ImportError(
        f"{llm_tokenizer.__file__} belongs to another project's package llm-tokenizer: install ours over it, "
        "pip install --force-reinstall --no-deps ./packages/llm-tokenizer"
    )

if TYPE_CHECKING:
    from llm_generate.decoding import Generation, generate
    from llm_generate.interface import DecodeLoop, GenerateError, Sampler, TokenStream
    from llm_generate.loading import LoadedModel, load
    from llm_generate.sampling import CategoricalSampler, distribution, draw, new_generator, temperature, top_k, top_p
    from llm_generate.settings import SamplingSettings
    from llm_generate.stopping import StopStrings
    from llm_generate.streaming import TextStream, stream_text

try:
    __version__ = version("llm-generate")
except PackageNotFoundError:  # run from a source folder that is not installed
    __version__ = "0.2.0"

__all__ = [
    "CategoricalSampler", "DecodeLoop", "GenerateError", "Generation", "LoadedModel", "Sampler", "SamplingSettings",
    "StopStrings", "TextStream", "TokenStream", "distribution", "draw", "generate", "load", "new_generator",
    "stream_text", "temperature", "top_k", "top_p",
]  # fmt: skip

_ROOMS = {
    "decoding": ("Generation", "generate"),
    "interface": ("DecodeLoop", "GenerateError", "Sampler", "TokenStream"),
    "loading": ("LoadedModel", "load"),
    "sampling": ("CategoricalSampler", "distribution", "draw", "new_generator", "temperature", "top_k", "top_p"),
    "settings": ("SamplingSettings",),
    "stopping": ("StopStrings",),
    "streaming": ("TextStream", "stream_text"),
}


def __getattr__(name: str) -> Any:
    """Import a module when one of its names is first used: `llm-generate --help` does not wait for torch."""
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"llm_generate.{room}"), name)
    raise AttributeError(f"module 'llm_generate' has no attribute {name!r}")
