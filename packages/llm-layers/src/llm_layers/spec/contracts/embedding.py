"""What token embeddings, and the head that is tied to them, must be."""

from llm_tokenizer.conformance import Argument, Contract

EMBEDDING = Contract(
    id="layers.embedding",
    summary="Look up one row of a table per token id.",
    formula=r"y_i = T_{\mathrm{ids}_i}",
    why="An id is a name, not a quantity. The table gives each name a point in space, and training moves the points "
    "until tokens that are used alike lie near each other. A row that is used twice collects both gradients.",
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
    source="Bengio et al. 2003, A Neural Probabilistic Language Model",
)

TIED_HEAD = Contract(
    id="layers.tied_head",
    summary="Compare each vector with every row of the embedding table: the logits.",
    formula=r"y_t = \langle x,\, T_t \rangle",
    why="The table says where each token lies, the head asks which token a vector points at. Tokens that are used "
    "alike are also expected alike, so one table can answer both, and collects the gradients of both.",
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
    source="Press and Wolf 2017, arXiv:1608.05859",
)

CONTRACTS = (EMBEDDING, TIED_HEAD)
