"""One training in a process of its own, for its peak memory: `python one_training.py fast documents 32768`."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from pathlib import Path

import corpora
from vocabularies import printable_merges


def main() -> None:
    name, documents, vocabulary = sys.argv[1], corpora.stored(Path(sys.argv[2])), int(sys.argv[3])
    start = time.process_time()
    if name == "tokenizers":
        merges = by_tokenizers(documents, vocabulary)
    elif name == "fast":
        from llm_tokenizer.fast import train_bpe

        merges = printable_merges(train_bpe(documents, vocab_size=vocabulary))
    else:
        from llm_tokenizer import train_bpe

        merges = printable_merges(train_bpe(documents, vocab_size=vocabulary))
    taken = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    digest = hashlib.sha256(json.dumps(merges).encode()).hexdigest()
    print(json.dumps({"seconds": taken, "peak": peak, "merges": digest}))


def by_tokenizers(documents, vocabulary):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(documents, trainer)
    return json.loads(tokenizer.to_str())["model"]["merges"]


if __name__ == "__main__":
    main()
