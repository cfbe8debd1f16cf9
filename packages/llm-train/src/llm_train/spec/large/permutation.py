"""Large cases of the order of the data: many indices, sizes at every border of bits, late passes and epochs."""

from functools import partial

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases()
permutation = LARGE.of("train.permutation")


def _all(size: int, g: Generator) -> Inputs:
    return {"index": np.arange(size), "size": size, "key": 0xC0FFEE * size}


for size in (255, 256, 257, 4_095, 4_097):
    permutation(1, "two indices that go to one place", f"all_of_{size}")(partial(_all, size))

for bits in (15, 16, 17, 31, 32, 33, 47, 53, 61):

    @permutation(3, "halves or numbers of too few bits", f"about_2_to_the_{bits}")
    def about(g: Generator, bits: int = bits) -> Inputs:
        size = (1 << bits) + bits
        some = g.bits(20) % np.uint64(size)
        return {"index": some.astype(np.int64), "size": size, "key": int(g.bits(1)[0])}


LARGE("train.row_keys", 2, "rows beyond a table", "many_rows")(
    lambda g: {"seed": 3, "pass_number": 70_000, "rows": np.arange(1_000)[::-1].copy()}
)
LARGE("train.row_keys", 1, "numbers of 32 bits", "late_rows")(
    lambda g: {"seed": 2**40, "pass_number": 2**33, "rows": (g.bits(50) >> np.uint64(2)).astype(np.int64)}
)


@LARGE.of("train.window_starts")(1, "an epoch that is not found again", "many_epochs")
def many_epochs(g: Generator) -> Inputs:
    return {"samples": g.whole(100, below=10**6), "tokens": 1_003, "context_length": 10, "seed": 5}


LARGE("train.window_starts", 2, "places of tokens in 32 bits", "a_long_text")(
    lambda g: {"samples": g.whole(40, below=10**9), "tokens": 10**13, "context_length": 8_192, "seed": 5}
)
