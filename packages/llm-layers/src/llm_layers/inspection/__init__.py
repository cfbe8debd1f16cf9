"""Seeing inside a model: what it looks at, what it would say early, how large its numbers are, and where two part.

| room | holds |
|---|---|
| `maps`, `maps_picture`, `maps_page` | attention maps; as a picture; as a page |
| `lens`, `lens_page` | the logit lens; as a page |
| `statistics`, `ailments`, `statistics_picture` | sizes of numbers; what looks ill in them; as a picture |
| `divergence`, `difference`, `causes` | the first tensor in which two models part; how far; why |
| `recording`, `flow`, `subject`, `foreign` | one pass with everything kept; the names of the places; ours and others |
| `text`, `picture`, `page` | ids and labels; SVG shapes; a web page in one file |
"""

from llm_layers.inspection.divergence import Divergence, first_divergence
from llm_layers.inspection.foreign import load_transformers
from llm_layers.inspection.issues import Issue, find_issues
from llm_layers.inspection.lens import Lens, logit_lens
from llm_layers.inspection.lens_page import lens_page
from llm_layers.inspection.maps import attention_maps
from llm_layers.inspection.maps_page import attention_page
from llm_layers.inspection.maps_picture import attention_picture
from llm_layers.inspection.recording import Recording, record
from llm_layers.inspection.statistics import Statistics, layer_statistics
from llm_layers.inspection.statistics_picture import statistics_picture

__all__ = [
    "Divergence",
    "Issue",
    "Lens",
    "Recording",
    "Statistics",
    "attention_maps",
    "attention_page",
    "attention_picture",
    "find_issues",
    "first_divergence",
    "layer_statistics",
    "lens_page",
    "load_transformers",
    "logit_lens",
    "record",
    "statistics_picture",
]
