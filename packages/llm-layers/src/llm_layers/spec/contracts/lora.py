"""What low-rank corrections must be."""

from llm_tokenizer.conformance import Argument, Contract

_WEIGHT = Argument("weight", "d_out d_in", "the frozen weight, one row per output")
_DOWN = Argument("down", "rank d_in", "what to look for, one row per direction (A of the paper)")
_UP = Argument("up", "d_out rank", "what to write, one column per direction (B of the paper)")
_SCALE = Argument("scale", None, "alpha / rank, already divided")

LORA_LINEAR = Contract(
    id="layers.lora_linear",
    clauses=(
        "down narrows x to rank numbers and up widens them again; the correction is added to the product with weight.",
        "The correction, and it alone, is multiplied by scale as it is given: it is not divided by the rank again.",
        "With up at zero the answer is that of the weight alone, and still up has a gradient; down has none then.",
        "The gradient of x comes through both ways, those of down and up are summed over all leading axes; weight is "
        "frozen.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(Argument("x", "*batch d_in", "the vectors"), _WEIGHT, _DOWN, _UP, _SCALE),
    outputs=(Argument("y", "*batch d_out", "the corrected product"),),
    gradients=("x", "down", "up"),
    page="explanation/adapters",
)

MERGE_LORA = Contract(
    id="layers.merge_lora",
    clauses=(
        "The product up · down, in this order, is added to the weight.",
        "It is multiplied by scale as it is given.",
        "The product with the merged weight is what `lora_linear` gives: merging is the same map written once.",
        "All three matrices have a gradient; the weights that were given are not changed.",
    ),
    inputs=(_WEIGHT, _DOWN, _UP, _SCALE),
    outputs=(Argument("merged", "d_out d_in", "the corrected weight"),),
    gradients=("weight", "down", "up"),
    page="explanation/adapters",
)

CONTRACTS = (LORA_LINEAR, MERGE_LORA)
