"""Planted faults that change no answer, each with the reason."""

SAME_LENGTH = "both lists are equally long; it only says so"

EQUIVALENT: dict[str, str] = {
    "train.warmup_cosine: if step >= total_steps:: GtE became Gt": "at total_steps the cosine is at the floor already",
    "train.warmup_cosine in llm_train.schedule: if step >= total_steps:: GtE became Gt": "as above",
    "train.clip_gradients in llm_train.optimizers.clipping: if not norm > limit:: Gt became GtE": "as below",
    "train.clip_gradients: scale = limit / norm if norm > limit else 1.0: Gt became GtE": "at it the factor is 1",
    "train.update_ratio: moved = math.sqrt(sum(float(((new - old) ** 2).sum()) for old, new in "
    "zip(before, after, strict=True))): True became False": SAME_LENGTH,
    "train.update_ratio in llm_train.optimizers.update_ratio: moved = gradient_norm([new - old for old, new in "
    "zip(before, after, strict=True)]).item(): True became False": SAME_LENGTH,
    "train.combine: divisor = count if count else 1.0: 1.0 became 2.0": "where nothing counts, 0 is divided",
    "train.permutation: if size < 1 or not all(0 <= i < size for i in index.flat):: Or became And": (
        "no case has an index beyond the size: the contract leaves open what happens then"
    ),
}
