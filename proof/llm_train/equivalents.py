"""Planted faults that change no answer, each with the reason."""

EQUIVALENT: dict[str, str] = {
    "train.warmup_cosine: if step >= total_steps:: GtE became Gt": "at total_steps the cosine is at the floor already",
    "train.warmup_cosine in llm_train.schedule: if step >= total_steps:: GtE became Gt": "as above",
    "train.clip_gradients in llm_train.optimizers.clipping: if not norm > limit:: Gt became GtE": "as below",
    "train.clip_gradients: scale = limit / norm if norm > limit else 1.0: Gt became GtE": "at it the factor is 1",
}
