"""One table at both ends: what the two contracts do not say together."""

import torch

from llm_layers import embedding, tied_head
from llm_layers.reference import embedding_backward, tied_head_backward


def test_a_tied_table_gets_the_gradient_of_the_lookup_and_of_the_head():
    generator = torch.Generator().manual_seed(4)
    table = torch.randn(6, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    ids = torch.tensor([[1, 4, 1], [0, 4, 4]])
    upstream = torch.randn(2, 3, 6, generator=generator, dtype=torch.float64)
    tied_head(embedding(ids, table), table).backward(upstream)

    rows, weight = embedding(ids, table).detach().numpy(), table.detach().numpy()
    dx, from_head = tied_head_backward(upstream.numpy(), rows, weight)
    from_lookup = embedding_backward(dx, ids.numpy(), weight)
    assert table.grad is not None
    torch.testing.assert_close(table.grad, torch.from_numpy(from_head + from_lookup), rtol=1e-13, atol=1e-13)
    assert not from_lookup[2].any() and from_head[2].any(), "row 2 was never read, and learns from the head alone"


def test_the_head_of_a_tied_decoder_is_the_table_itself(random_model, small_config):
    model = random_model(small_config(tied_embeddings=True))
    assert model.head_weight is model.embedding.table
