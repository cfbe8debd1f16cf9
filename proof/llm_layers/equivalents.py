"""Planted faults that change no answer, each with the reason."""

EQUIVALENT: dict[str, str] = {
    "layers.llama3_scaling: if turns >= high_frequency_factor:: GtE became Gt": "at that end both formulas agree",
    "layers.llama3_scaling: elif turns <= low_frequency_factor:: LtE became Lt": "at that end both formulas agree",
    "layers.yarn_scaling: elif pair >= high:: GtE became Gt": "at that end both formulas agree",
    "layers.load_balancing_loss: _, chosen = top_k_router(logits, k, norm_topk_prob=True)"
    ": True became False": "only the choice is used there, and it is the same either way",
}
