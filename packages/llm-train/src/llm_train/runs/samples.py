"""A minimal sampler, to see during training what the model has learned. llm-generate has the full ones."""

from typing import Any

import torch

from llm_tokenizer import Tokenizer


@torch.no_grad()
def sample(
    model: Any,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    tokens: int,
    seed: int,
    temperature: float = 0.8,
    device: torch.device | str = "cpu",
) -> str:
    """Return the prompt and its continuation by `tokens` tokens; the same seed gives the same text.

    Args:
        model: any `LanguageModel` of llm-layers' interface.
        tokenizer: the one that the model was trained with.
        prompt: the text to continue; of one that fills the context the model reads the end. An empty prompt begins at
            the end-of-text token, as a new document does.
        tokens: how many to add.
        seed: of the random choices.
        temperature: below 1 prefers likely tokens.
        device: of the model.
    """
    generator = torch.Generator().manual_seed(seed)
    special = set(tokenizer.special_tokens.values())
    ids = tokenizer.encode(prompt) or [min(special, default=0)]
    prompt_length = len(ids)
    cache, unread = model.new_cache(), ids[1 - model.context_length :]
    for _ in range(tokens):
        if cache.length + len(unread) > model.context_length:
            # The context is full: forget the older half and read the newer one again from position 0.
            cache, unread = model.new_cache(), ids[-model.context_length // 2 :]
        logits = model(torch.tensor([unread], device=device), cache)[0, -1].float().cpu()
        probabilities = torch.softmax(logits / temperature, dim=-1)
        unread = [int(torch.multinomial(probabilities, 1, generator=generator))]
        ids = ids + unread
    return prompt + tokenizer.decode(id for id in ids[prompt_length:] if id not in special)
