"""Large cases of decoding."""

from __future__ import annotations

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.spec.large.characters import edges, put_in
from llm_tokenizer.spec.large.vocabulary import vocabulary

LARGE = LargeCases()
large = LARGE.of("tokenizer.decode_bpe")


@large(1, "ids in 16 bits, a table of tokens that ends early or is packed too small")
def ids_to_200_000(g: Generator) -> Inputs:
    """From the whole range."""
    _, merges = vocabulary(199_744)
    ids = [*g.whole(30_000, below=200_000).tolist(), 65_535, 65_536, 131_071, 131_072, 199_999]
    return {"ids": ids, "merges": merges}


@large(2, "places of bytes in 16 bits, ids read in blocks")
def a_long_row_of_ids(g: Generator) -> Inputs:
    """More than 2 to the 16th, and bytes that are no UTF-8."""
    _, merges = vocabulary(2_000)
    return {"ids": g.whole(67_000, below=2_256).tolist(), "merges": merges}


@large(1, "the length of a token in 8 or 16 bits, a limit on how deep merges lie")
def long_tokens(g: Generator) -> Inputs:
    """Three hundred merges deep, and a token that doubles up to 2 to the 17th bytes."""
    deep = [[97, 97], *([256 + k, 98 + k % 20] for k in range(300))]
    doubled = [[99, 100], *([256 + len(deep) + k] * 2 for k in range(16))]
    ids = [556, 256, 300, 256 + len(deep) + 16, 97, 256 + len(deep) + 7, 511, 512, 513]
    return {"ids": ids, "merges": deep + doubled}


@large(2, "a byte order mark, a null byte, a line break or a character of a certain kind lost")
def bytes_of_every_kind(g: Generator) -> Inputs:
    """The bytes of characters of all kinds, then bytes by chance."""
    return {"ids": [*put_in("¤¤", edges()).encode(), *b"\r\n\n\r", *g.whole(9000, below=256).tolist()], "merges": []}
