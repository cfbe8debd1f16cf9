"""Find documents that occur in a corpus twice, exactly or nearly.

A text that occurs a hundred times is learned a hundred times, and one that is in both the training part and the
held-out part makes a model look better than it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from llm_tokenizer.interface import TokenizerError, require_texts


class Near(NamedTuple):
    """A document that resembles an earlier one; `similarity` is the estimated fraction of shingles that both have."""

    document: int
    earlier: int
    similarity: float


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """What `find_duplicates` found; documents are numbered from 0 in the order in which they came.

    `exact` has the earlier document that each repeated one equals; `near` those that only resemble one.
    """

    documents: int
    exact: dict[int, int]
    near: tuple[Near, ...]

    @property
    def repeated(self) -> frozenset[int]:
        """The documents that can be left out, since an earlier one is the same."""
        return frozenset(self.exact) | {found.document for found in self.near}


def find_duplicates(documents: Iterable[str], *, similarity: float = 0.8) -> Duplicates:
    """Find the documents that equal or resemble an earlier one.

    Each document is compared with the earlier ones that do not themselves resemble one before them. Letter case and
    white space do not matter. Of each document only its signature is kept, about 5 kB with all indexes, never its text.

    Why it works:
        Two texts are alike when they have most of their shingles in common: all runs of 16 bytes. Similarity is what
        both have over what either has. Number all shingles by a random hash: the smallest number of both texts
        together is equally likely to be any shingle, so with a probability equal to the similarity it is one that both
        have, and then both have the same smallest number. A hundred hashes estimate it to about 0.04.
        To meet at all, two signatures must agree in one of 25 bands of 4 numbers: at a similarity of 0.8 that is missed
        once in half a million pairs, and of texts with nothing in common hardly any meet.

    Args:
        documents: The texts, one by one.
        similarity: The least fraction of common shingles, above 0 and at most 1, for which a document is reported.

    Source: Broder 1997, On the Resemblance and Containment of Documents; bands as in Leskovec, Rajaraman and Ullman
        2014, Mining of Massive Datasets, chapter 3.
    """
    from llm_tokenizer.corpus.minhash import (
        SignatureIndex,
        minhash,
    )  # imports NumPy, which the rest of the package starts without

    if not isinstance(similarity, (int, float)) or not 0 < similarity <= 1:
        raise TokenizerError(f"similarity: must be above 0 and at most 1, was {similarity!r}")
    first_of: dict[bytes, int] = {}
    exact: dict[int, int] = {}
    near: list[Near] = []
    index = SignatureIndex()
    number = -1
    for number, text in enumerate(require_texts("documents", documents)):
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if (earlier := first_of.setdefault(digest, number)) != number:
            exact[number] = earlier
            continue
        signature = minhash(text)
        best, found = index.most_similar(signature)
        if best is not None and found >= similarity:
            near.append(Near(number, best, found))
        else:
            index.add(number, signature)
    return Duplicates(documents=number + 1, exact=exact, near=tuple(near))
