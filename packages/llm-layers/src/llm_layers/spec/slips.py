"""Mistakes that people really make, each as a small wrong implementation; every one must be caught.

They stand in `mistakes/`, one file per part, and are gathered here under names such as `norm_eps_outside`.
"""

from llm_layers.spec.mistakes import attention, block, embedding, feed_forward, loss, norm, position
from llm_tokenizer.spec import Alternative

for _part in (embedding, norm, position, attention, feed_forward, block, loss):
    _name = _part.__name__.rpartition(".")[2]
    globals().update({f"{_name}_{key}": value for key, value in vars(_part).items() if isinstance(value, Alternative)})
