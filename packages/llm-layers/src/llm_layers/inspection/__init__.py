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

from llm_layers.inspection.divergence import Divergence as Divergence
from llm_layers.inspection.divergence import first_divergence as first_divergence
from llm_layers.inspection.foreign import load_transformers as load_transformers
from llm_layers.inspection.issues import Issue as Issue
from llm_layers.inspection.issues import find_issues as find_issues
from llm_layers.inspection.lens import Lens as Lens
from llm_layers.inspection.lens import logit_lens as logit_lens
from llm_layers.inspection.maps import attention_maps as attention_maps
from llm_layers.inspection.picture import attention_picture as attention_picture
from llm_layers.inspection.picture import statistics_picture as statistics_picture
from llm_layers.inspection.recording import Recording as Recording
from llm_layers.inspection.recording import record as record
from llm_layers.inspection.statistics import Statistics as Statistics
from llm_layers.inspection.statistics import layer_statistics as layer_statistics
from llm_layers.inspection.web_page import attention_page as attention_page
from llm_layers.inspection.web_page import lens_page as lens_page
