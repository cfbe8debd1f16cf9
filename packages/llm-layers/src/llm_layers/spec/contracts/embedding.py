"""What token embeddings, and the head that is tied to them, must be."""

from llm_tokenizer.conformance import Argument, Contract

EMBEDDING = Contract(
    id="layers.embedding",
    clauses=(
        "The output has the shape of ids with the axis d_model added, and holds row ids[i] of the table at i.",
        "A row that is used several times has the sum of its uses' gradients; a row that is not used has zero.",
        "Ids may have any number of axes, none and empty ones included.",
        "No id is special: row 0 is a row like any other.",
    ),
    inputs=(
        Argument("ids", "*batch", "token ids from 0 to vocab - 1"),
        Argument("table", "vocab d_model", "one row per token"),
    ),
    outputs=(Argument("y", "*batch d_model", "the rows"),),
    gradients=("table",),
    page="explanation/embedding",
)

TIED_HEAD = Contract(
    id="layers.tied_head",
    clauses=(
        "There is one logit per row of the table, in the table's order: the dot product of x with the row.",
        "Nothing is scaled, normalised or added; the answers are logits, not probabilities.",
        "The table gets its gradient, for every row and summed over all vectors: it is used itself, not a copy.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("x", "*batch d_model", "the states behind the last norm"),
        Argument("table", "vocab d_model", "the embedding table"),
    ),
    outputs=(Argument("y", "*batch vocab", "the logits"),),
    gradients=("x", "table"),
    page="explanation/embedding",
)

CONTRACTS = (EMBEDDING, TIED_HEAD)
