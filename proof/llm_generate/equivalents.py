"""Planted faults that change no answer, each with the reason."""

EQUIVALENT: dict[str, str] = {
    "generate.top_k in llm_generate.sampling: if k >= logits.shape[-1]:: GtE became Gt": (
        "the smallest of all is the threshold then: all are kept"
    ),
    "generate.top_p in llm_generate.sampling: before = torch.nn.functional.pad(probabilities.cumsum(dim=-1)[..., :-1], "
    "(1, 0)): 0 became 1": "the column that is added at the end has no token",
}
