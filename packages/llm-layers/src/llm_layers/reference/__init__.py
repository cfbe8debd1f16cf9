"""The layers in plain NumPy float64: forward and hand-derived backward, each with its derivation.

Written to be read and to be right, slow on purpose. The goldens of the specification come from here. In the
derivations d⟨name⟩ is the gradient of the loss with respect to ⟨name⟩. Forward functions take complex input too
(comparisons and maxima look at the real part), so that the complex step can check the backward ones.
"""

from llm_layers.reference.activation import *  # noqa: F403
from llm_layers.reference.attention import *  # noqa: F403
from llm_layers.reference.block import *  # noqa: F403
from llm_layers.reference.decoder import *  # noqa: F403
from llm_layers.reference.dropout import *  # noqa: F403
from llm_layers.reference.embedding import *  # noqa: F403
from llm_layers.reference.feed_forward import *  # noqa: F403
from llm_layers.reference.initialization import *  # noqa: F403
from llm_layers.reference.linear import *  # noqa: F403
from llm_layers.reference.lora import *  # noqa: F403
from llm_layers.reference.loss import *  # noqa: F403
from llm_layers.reference.mask import *  # noqa: F403
from llm_layers.reference.mixture_of_experts import *  # noqa: F403
from llm_layers.reference.multi_head_attention import *  # noqa: F403
from llm_layers.reference.norm import *  # noqa: F403
from llm_layers.reference.position import *  # noqa: F403
from llm_layers.reference.quantization import *  # noqa: F403
from llm_layers.reference.residual import *  # noqa: F403
from llm_layers.reference.rotary import *  # noqa: F403
from llm_layers.reference.rotary_scaling import *  # noqa: F403
