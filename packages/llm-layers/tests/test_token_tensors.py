"""A tokenizer decodes what a model gives: tensors. It stands here because llm-tokenizer is tested without torch."""

import pytest
import torch

from llm_tokenizer import ByteTokenizer, CharacterTokenizer, TokenizerError, train_bpe

TEXT = "the cat sat on the mat"
TOKENIZERS = [train_bpe([TEXT], vocab_size=260), ByteTokenizer(), CharacterTokenizer.train([TEXT])]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda one: type(one).__name__)
def test_ids_may_be_a_tensor(tokenizer):
    ids = tokenizer.encode(TEXT)
    for dtype in (torch.int64, torch.int32):
        assert tokenizer.decode(torch.tensor(ids, dtype=dtype)) == TEXT
    assert tokenizer.decode(torch.tensor([], dtype=torch.int64)) == ""
    for wrong in (torch.tensor([ids, ids]), torch.tensor(3)):
        with pytest.raises(TokenizerError, match="ids: must be one row of ids, was an array of shape"):
            tokenizer.decode(wrong)
    for wrong in (torch.tensor([-1]), torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.bfloat16)):
        with pytest.raises(TokenizerError, match=r"ids\[0\]: must be a whole number from 0 to"):
            tokenizer.decode(wrong)
