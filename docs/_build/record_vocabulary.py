"""Measure on Shakespeare what a vocabulary buys: `python docs/_build/record_vocabulary.py`.

It writes `docs/recorded/vocabulary.json`, from which the pages on tokenization draw their figures, and
`docs/recorded/shakespeare-merges.json`, the first thousand merges, with which the live tokenizer starts. All of it is
learned on the plays that the recipe `shakespeare` trains on and measured on the plays that it holds back.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from plots import RECORDED

from llm_tokenizer import BytePairTokenizer, CharacterTokenizer, train_bpe
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.bpe.training import learn_merges
from llm_tokenizer.spec.ours import encode_bpe

SIZES = (256, 320, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384)
SHOWN_MERGES = 1000
CUT_SIZE = 2048  # large enough to see what a missing cut does; without a cut learning is slow
RARE = 100  # a token that is seen less often has hardly been learned
CUT = find_pattern("gpt2").pre_tokens
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

Merges = Sequence[tuple[int, int]]


def main() -> int:
    """Learn and measure on the plays, and write the two files."""
    from llm_train.data.corpus import load_corpus
    from llm_train.recipes.recipe import Recipe

    corpus = load_corpus(Recipe.load("shakespeare").data)
    training, held_out = [[play.text for play in part] for part in (corpus.training, corpus.held_out)]
    recorded, merges = measure(training, held_out)
    recorded["corpus"]["held out"] = [play.name for play in corpus.held_out]
    write(recorded, merges[:SHOWN_MERGES])
    return 0


def measure(
    training: list[str], held_out: list[str], sizes: Sequence[int] = SIZES, cut_size: int = CUT_SIZE
) -> tuple[dict[str, Any], Merges]:
    """All figures, and the merges of the largest vocabulary."""
    clock = Clock(sizes)
    merges = train_bpe(training, vocab_size=sizes[-1], progress=clock.look).merges
    recorded = {
        "corpus": {"training": size_of(training), "held out bytes": size_of(held_out)["bytes"]},
        "sizes": [
            measure_size(merges[: size - 256], training, held_out) | {"seconds": round(clock.seconds.get(size, 0), 1)}
            for size in sizes
        ],
        "words": measure_words(training, held_out),
        "longest match": measure_longest_match(merges[: cut_size - 256], held_out),
        "cuts": measure_cuts(merges[: cut_size - 256], training, held_out),
    }
    return recorded, merges


def write(recorded: dict[str, Any], merges: Merges, folder: Path = RECORDED) -> None:
    """The figures to be read by people too, the merges as short as can be."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(recorded, indent=2, ensure_ascii=False) + "\n"
    (folder / "vocabulary.json").write_text(text, encoding="utf-8")
    short = json.dumps([list(pair) for pair in merges], separators=(",", ":")) + "\n"
    (folder / "shakespeare-merges.json").write_text(short, encoding="utf-8")


class Clock:
    """Notes how much computing time it took until each vocabulary was learned; the merges of a small one come first."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._start = time.process_time()
        self._sizes = frozenset(sizes)
        self.seconds: dict[int, float] = {}

    def look(self, done: int, _: int) -> None:
        """Called after every merge."""
        if 256 + done in self._sizes:
            self.seconds[256 + done] = time.process_time() - self._start


def size_of(texts: list[str]) -> dict[str, int]:
    """How much text it is."""
    return {
        "documents": len(texts),
        "characters": sum(map(len, texts)),
        "bytes": sum(len(text.encode()) for text in texts),
        "different characters": len(set(chain.from_iterable(texts))),
    }


def measure_size(merges: Merges, training: list[str], held_out: list[str]) -> dict[str, Any]:
    """What one vocabulary comes to."""
    tokenizer = BytePairTokenizer(merges)
    uses = Counter(chain.from_iterable(map(tokenizer.encode, training)))
    size = 256 + len(merges)
    return {
        "vocabulary": size,
        "bytes per token": bytes_per_token(tokenizer.encode, held_out),
        "training tokens": uses.total(),
        "rare tokens": sum(uses[id] < RARE for id in range(256, size)),
    }


def bytes_per_token(encode: Callable[[str], Sequence[object]], texts: list[str]) -> float:
    """How much text one token carries on average."""
    return round(sum(len(text.encode()) for text in texts) / sum(len(encode(text)) for text in texts), 4)


def measure_words(training: list[str], held_out: list[str]) -> dict[str, Any]:
    """What would be missing from a list of words, and how long texts are in characters and in words."""
    known = Counter(chain.from_iterable(map(WORD.findall, training)))
    met = Counter(chain.from_iterable(map(WORD.findall, held_out)))
    unknown = {word: count for word, count in met.items() if word not in known}
    characters = CharacterTokenizer.train(training + held_out)
    return {
        "different": len(known),
        "once": sum(count == 1 for count in known.values()),
        "held out different": len(met),
        "held out different unknown": len(unknown),
        "held out running": met.total(),
        "held out running unknown": sum(unknown.values()),
        "bytes per character": bytes_per_token(characters.encode, held_out),
    }


def measure_longest_match(merges: Merges, held_out: list[str]) -> dict[str, float]:
    """The same tokens, once merged in the order of learning and once taken as long as they fit."""
    tokenizer = BytePairTokenizer(merges)
    known = {tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)}
    longest = max(map(len, known))

    def encode_longest(text: str) -> list[bytes]:
        found = []
        for piece in map(str.encode, CUT(text)):
            start = 0
            while start < len(piece):
                end = min(len(piece), start + longest)
                while piece[start:end] not in known:
                    end -= 1
                found.append(piece[start:end])
                start = end
        return found

    return {
        "vocabulary": tokenizer.vocab_size,
        "merged": bytes_per_token(tokenizer.encode, held_out),
        "longest": bytes_per_token(encode_longest, held_out),
    }


def measure_cuts(merges: Merges, training: list[str], held_out: list[str]) -> dict[str, Any]:
    """The same number of merges with and without a cut; without one only the ends of lines keep tokens apart."""
    lines = Counter(chain.from_iterable(text.splitlines(keepends=True) for text in training))
    uncut = learn_merges(lines, len(merges))
    word = most_copied_word(uncut)
    return {
        "vocabulary": 256 + len(merges),
        "word": word,
        "cut": measure_cut(merges, word)
        | {"bytes per token": bytes_per_token(BytePairTokenizer(merges).encode, held_out)},
        "uncut": measure_cut(uncut, word)
        | {
            "bytes per token": bytes_per_token(lambda text: encode_bpe(text.splitlines(keepends=True), uncut), held_out)
        },
    }


def tokens_of(merges: Merges) -> list[str]:
    """What the merges make, as text."""
    tokenizer = BytePairTokenizer(merges)
    return [tokenizer.token_bytes(id).decode(errors="replace") for id in range(256, tokenizer.vocab_size)]


def measure_cut(merges: Merges, word: str) -> dict[str, Any]:
    """What the tokens of these merges look like."""
    tokens = tokens_of(merges)
    return {
        "mixed": sum(len(CUT(token)) > 1 for token in tokens),
        "copies": [token for token in tokens if WORD.findall(token) == [word]],
        "longest": sorted(tokens, key=len, reverse=True)[:8],
    }


def most_copied_word(merges: Merges) -> str:
    """The word of three letters or more that occurs in most tokens with nothing but spaces and signs around it."""
    alone = Counter(found[0] for found in map(WORD.findall, tokens_of(merges)) if len(found) == 1 and len(found[0]) > 2)
    return max(alone, key=lambda word: (alone[word], word))


if __name__ == "__main__":
    raise SystemExit(main())
