"""GGUF, the one-file format of llama.cpp: models in and out.

| module | holds |
|---|---|
| `loading`, `saving` | `load_gguf`, `save_gguf` |
| `file`, `writing` | the file as metadata and tensors; how it is written |
| `blocks`, `tensor_types` | how weights are packed into blocks of a few bits each; the types by name |
| `families`, `layout` | how each family of models names its settings and tensors |
| `settings`, `rope_metadata` | the metadata, of which nothing is ignored; rotary positions in it |
"""

from llm_layers.formats.gguf.loading import load_gguf
from llm_layers.formats.gguf.saving import save_gguf

__all__ = ["load_gguf", "save_gguf"]
