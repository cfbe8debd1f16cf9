"""What token embeddings must be."""

from llm_tokenizer.spec import Argument, Contract

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

CONTRACTS = (EMBEDDING,)
