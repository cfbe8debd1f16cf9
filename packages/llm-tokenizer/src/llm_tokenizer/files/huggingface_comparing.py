"""Compare a `tokenizer.json` that cannot be read with the tokenizer of the file beside it."""

from pathlib import Path

from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer
from llm_tokenizer.files.fields import Fields, naming, read_json
from llm_tokenizer.files.huggingface_reading import (
    LoadedTokenizer,
    read_special_tokens,
    read_vocabulary,
    splits_at_spaces,
)
from llm_tokenizer.files.huggingface_template import read_template
from llm_tokenizer.files.huggingface_writing import PREPEND, SPACES


def agrees(path: Path, other: LoadedTokenizer) -> bool:
    """Return whether all that can be compared in a `tokenizer.json` is as in the tokenizer of the file beside it."""
    with naming(path):
        ids = read_vocabulary(fields := Fields(read_json(path)))
        added = read_special_tokens(fields, ids)
        around = other.with_text_ids(**read_template(fields.steps("post_processor", "processors")))
        normalizer = fields.steps("normalizer", "normalizers")
        splitter = fields.steps("pre_tokenizer", "pretokenizers")
        return (
            isinstance(other, SentencePieceTokenizer)
            and {**other.pieces, **other.added_tokens}.items() <= {**ids, **added}.items()
            and added.items() <= other.added_tokens.items()
            and max({**ids, **added}.values()) < other.vocab_size  # unused ones below it have no name in `other`
            and normalizer in ([], [PREPEND, SPACES] if other.prepend_scheme == "always" else [SPACES])
            and all(step["type"] == "Metaspace" or splits_at_spaces(step) for step in splitter)
            and around.build_inputs_with_special_tokens([-1]) == other.build_inputs_with_special_tokens([-1])
        )
