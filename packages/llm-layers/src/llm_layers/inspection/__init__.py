"""Look inside a model: attention maps, logit lens, sizes of values, and the first tensor in which two models differ.

| module | holds |
|---|---|
| `maps`, `lens`, `statistics`, `issues` | attention maps; the logit lens; sizes of values, and warnings |
| `divergence`, `deviation`, `causes` | the first tensor that differs between two models; by how much; why |
| `recording`, `flow`, `inspected_model`, `foreign` | one pass with everything kept; names; our models; others |
| `table`, `picture`, `web_page` | results for a terminal, as a picture, as a web page |
| `text` | ids and labels |
| `costs`, `depth` | what a model costs; how the residual stream grows over the blocks |
"""

from llm_layers.inspection.divergence import Divergence, first_divergence
from llm_layers.inspection.foreign import load_transformers
from llm_layers.inspection.issues import Issue, find_issues
from llm_layers.inspection.lens import Lens, logit_lens
from llm_layers.inspection.maps import attention_maps
from llm_layers.inspection.picture import attention_picture, statistics_picture
from llm_layers.inspection.recording import Recording, record
from llm_layers.inspection.statistics import Statistics, layer_statistics
from llm_layers.inspection.web_page import attention_page, lens_page

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
