"""A minimal sampler, to see during training what the model has learned. llm-generate has the real ones."""

from typing import Any

import torch

from llm_tokenizer import Tokenizer


@torch.no_grad()
def sample(model: Any, tokenizer: Tokenizer, prompt: str, *, tokens: int, seed: int, temperature: float = 0.8) -> str:
    """Continue a prompt by `tokens` tokens; the same seed gives the same text.

    Args:
        model: any `LanguageModel` of llm-layers' interface.
        tokenizer: the one that the model was trained with.
        prompt: where to begin; empty begins at the end-of-text token, as a new document does.
        tokens: how many to add.
        seed: of the random choices.
        temperature: below 1 prefers likely tokens.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = tokenizer.encode(prompt) or [min(tokenizer.special_tokens.values(), default=0)]
    first = len(ids) if prompt else 0
    ids = ids[: model.context_length - 1] if len(ids) >= model.context_length else ids
    cache, new = model.new_cache(), ids
    for _ in range(tokens):
        if cache.length + len(new) > model.context_length:
            # The context is full: forget the older half and read the newer one again from position 0.
            cache, new = model.new_cache(), ids[-model.context_length // 2 :]
        logits = model(torch.tensor([new]), cache)[0, -1].float()
        chances = torch.softmax(logits / temperature, dim=-1)
        new = [int(torch.multinomial(chances, 1, generator=generator))]
        ids = ids + new
    special = set(tokenizer.special_tokens.values())
    return prompt + tokenizer.decode(id for id in ids[first or 1 :] if id not in special)
