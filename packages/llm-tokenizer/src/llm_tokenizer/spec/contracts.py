"""The contracts of llm-tokenizer: what each step from text to ids and back must be."""

from __future__ import annotations

from llm_tokenizer.conformance import Argument, Contract, Prose

_PIECES = Argument("pieces", None, "strings; nothing is ever merged from one into the next")
_MERGES = Argument("merges", None, "pairs [left id, right id] in the order of learning; the k-th makes id 256 + k")
_IDS = Argument("ids", None, "whole numbers: a byte is its own id, and the k-th merge has the id 256 + k")
_SENNRICH = "Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units"
_GPT2 = "Radford et al. 2019, Language Models are Unsupervised Multitask Learners"

BYTE_TO_UNICODE = Contract(
    id="tokenizer.byte_to_unicode",
    clauses=(
        "The table has 256 characters, all different, the b-th for byte b.",
        "The bytes 0x21 to 0x7E, 0xA1 to 0xAC and 0xAE to 0xFF stand for the character with their own code point.",
        "All other bytes, in their order, take the characters from U+0100 on: 0x00 is U+0100, a blank is U+0120 (Ġ).",
    ),
    inputs=(),
    outputs=(Argument("table", None, "256 strings of one character"),),
    page="explanation/tokenizer",
)

SPLIT_TEXT = Contract(
    id="tokenizer.split_text",
    prose=Prose(
        summary="Cut a text into the pieces within which tokens are merged.",
        why=(
            "Without a cut, 'dog', 'dog.' and 'dog!' would each become a token, and the vocabulary would fill with "
            "pairs of word and punctuation. The cut keeps words, numbers, punctuation and white space apart, and "
            "gives each word the blank before it, so that a word is mostly one token wherever it stands."
        ),
        source=f"{_GPT2}; OpenAI, tiktoken; Grattafiori et al. 2024, The Llama 3 Herd of Models; Allal et al. 2025, "
        "SmolLM2",
    ),
    clauses=(
        "The pieces joined are the text: nothing is lost, added or changed.",
        "At each place the first alternative of the pattern that fits takes as much as it can.",
        "A run of letters takes along one blank before it (gpt2, smollm), or one character that is neither letter, "
        "number, carriage return nor line feed (the others).",
        "Letters are those of every script (Unicode category L), numbers those of category N; a combining mark is "
        "neither, except that o200k counts it among the letters.",
        "Numbers: a run of any length with one blank before it (gpt2); at most three without a blank (cl100k, o200k, "
        "llama3); one at a time, also without a blank (qwen2, smollm).",
        "The endings 's 't 're 've 'm 'll 'd are pieces of their own, in small letters only (gpt2, smollm) or in any "
        "case (the others); in o200k they stay with their word. Only the straight apostrophe U+0027 counts.",
        "White space leaves its last character to the piece that follows, unless it is alone or ends the text, or "
        "stands before a number (smollm).",
        "Except in gpt2 and smollm, punctuation takes the carriage returns and line feeds after it along (o200k: "
        "slashes too), and other white space up to its last line break is one piece; in cl100k white space that ends "
        "the text is one piece.",
        "In o200k a word is capitals followed by small letters, or capitals alone: a new piece begins at a capital "
        "after a small letter.",
        "White space is Unicode's White_Space: U+0085, U+00A0 and U+3000 are, U+001C to U+001F and U+200B are not.",
        "An empty text has no pieces.",
        "A name that is none of gpt2, cl100k, o200k, llama3, qwen2, smollm raises ValueError.",
    ),
    inputs=(
        Argument("text", None, "any string"),
        Argument("pattern", None, "gpt2, cl100k, o200k, llama3, qwen2 or smollm"),
    ),
    outputs=(Argument("pieces", None, "strings that are not empty"),),
    page="explanation/tokenizer",
)

TRAIN_BPE = Contract(
    id="tokenizer.train_bpe",
    clauses=(
        "At the start each piece is the list of its UTF-8 bytes, and the id of a byte is its value.",
        "Every place counts where the two tokens are neighbours, overlapping ones too: `aaa` holds (a, a) twice.",
        "Every piece counts as often as it stands in the list.",
        "A pair lies within one piece: nothing is counted or merged from one piece into the next.",
        "The most frequent pair is merged. Of equally frequent pairs it is the one whose left token, then whose right "
        "token, comes first, where bytes are ordered by the code point of their character in byte_to_unicode (so a "
        "letter comes before the blank), and merged tokens follow after all bytes in the order of learning.",
        "In each piece the pair is replaced from left to right: `aaa` becomes (aa) a.",
        "The k-th merge makes the id 256 + k; merging goes on until vocab_size ids exist, down to pairs that stand "
        "only once.",
        "It stops early when every piece is a single token; there are then fewer merges.",
        "vocab_size below 256 raises ValueError.",
    ),
    inputs=(_PIECES, Argument("vocab_size", None, "256 and as many merges as are wanted")),
    outputs=(_MERGES,),
    page="explanation/tokenizer",
)

ENCODE_BPE = Contract(
    id="tokenizer.encode_bpe",
    function="merge_short",
    clauses=(
        "Each piece starts as its UTF-8 bytes and is encoded on its own; the ids of all pieces follow one another.",
        "Of the pairs in a piece the one that was learned first is replaced first, wherever it stands.",
        "It is replaced everywhere in the piece, from left to right: `aaa` becomes (aa) a.",
        "It ends when no pair in the piece was learned; what is left over stays bytes.",
        "An empty piece has no ids, and without merges the ids are the bytes.",
    ),
    inputs=(_PIECES, _MERGES),
    outputs=(_IDS,),
    page="explanation/tokenizer",
)

DECODE_BPE = Contract(
    id="tokenizer.decode_bpe",
    prose=Prose(
        summary="The bytes that ids stand for.",
        why=(
            "A token is a string of bytes, and encoding only cut the text's bytes into such strings; in a row they "
            "are the text again. A character may lie in two tokens, so bytes must be joined before they become "
            "characters."
        ),
        source=_SENNRICH,
    ),
    clauses=(
        "An id below 256 is the byte of that value; 256 + k is what its left part stands for, then its right part.",
        "The bytes of all ids follow one another; none is lost, replaced or checked, whether or not they are UTF-8.",
        "No ids are no bytes.",
        "An id below 0 or from 256 + the number of merges on raises ValueError.",
    ),
    inputs=(_IDS, _MERGES),
    outputs=(Argument("data", None, "bytes"),),
    page="explanation/tokenizer",
)

COUNT_PAIRS = Contract(
    id="tokenizer.count_pairs",
    prose=Prose(
        summary="How often each pair of neighbours stands in some words.",
        why=(
            "Training asks again and again which two tokens stand side by side most often. Counting is all that it "
            "knows of the text: nothing of grammar or meaning goes in."
        ),
        source=_SENNRICH,
    ),
    clauses=(
        "Every place counts where the two tokens are neighbours, overlapping ones too: in `a a a` (a, a) stands twice.",
        "A pair has an order: (a, b) and (b, a) are counted apart.",
        "A pair lies within one word, and every word counts as often as it stands in the list.",
        "The answer is one [left, right, count] for each pair that stands anywhere, ordered by left, then by right.",
        "Words of one token or none hold no pair; without pairs the answer is empty.",
    ),
    inputs=(Argument("words", None, "lists of ids"),),
    outputs=(Argument("counts", None, "[left id, right id, count], ordered"),),
    page="explanation/tokenizer",
)

MERGE_PAIR = Contract(
    id="tokenizer.merge_pair",
    function="replace_pair",
    clauses=(
        "Every place of the pair is replaced by the new id, and all other tokens stay as they are.",
        "Places are taken from left to right and do not overlap: `a a a` becomes (aa) a.",
        "Only the left token followed by the right one is the pair, not the other way round.",
        "A new token is not merged again in the same pass, even if the pair contains its id.",
        "A word without the pair comes back unchanged, also one of a single token or none.",
    ),
    inputs=(
        Argument("word", None, "a list of ids"),
        Argument("pair", None, "[left id, right id]"),
        Argument("new", None, "the id to put in its place"),
    ),
    outputs=(Argument("merged", None, "a list of ids"),),
    page="explanation/tokenizer",
)

SPLIT_SPECIAL = Contract(
    id="tokenizer.split_special",
    prose=Prose(
        summary="Find special tokens in a text, where they are allowed.",
        why=(
            "A control token such as the end of a document has an id of its own that no ordinary text may produce. "
            "Where a text comes from somebody who may use them, they must be found before anything is cut or "
            "merged, or they fall into letters."
        ),
        source="OpenAI, tiktoken",
    ),
    clauses=(
        "The parts joined are the text, and no part is empty.",
        "Where several names fit at one place, the longest is taken.",
        "Names are looked for from left to right; what has been taken is not looked at again.",
        "A name is plain text: characters like `|`, `.` or `*` mean themselves.",
        "All that is no special token is ordinary, in one part up to the next one: broken or unknown ones too.",
        "Without names the whole text is one ordinary part; an empty text has no parts.",
    ),
    inputs=(
        Argument("text", None, "any string"),
        Argument("special_tokens", None, "names, in any order"),
    ),
    outputs=(Argument("parts", None, "[string, whether it is a special token]"),),
    page="explanation/tokenizer",
)

STREAM_DECODE = Contract(
    id="tokenizer.stream_decode",
    function="IncrementalDecoder",
    clauses=(
        "There is one string for each id and one more for the end; together they are the text of all bytes.",
        "A character appears with the id that brings its last byte, and nothing that is complete waits.",
        "Bytes that are not UTF-8 become U+FFFD: one for each byte, or for a longest beginning of a character that is "
        "not continued.",
        "They become so as soon as a byte shows that no character can follow from them.",
        "What is still unfinished at the end is one U+FFFD in the last string.",
        "An id that does not exist raises ValueError.",
    ),
    inputs=(_IDS, _MERGES),
    outputs=(Argument("parts", None, "strings, one more than there are ids"),),
    page="explanation/tokenizer",
)

ENCODE_CHAT = Contract(
    id="tokenizer.encode_chat",
    function="ChatML",
    clauses=(
        "A message is the id 256 (<|im_start|>), the bytes of its role, 10 (a line feed), the bytes of its content, "
        "the id 257 (<|im_end|>) and 10.",
        "Content is UTF-8 bytes and nothing else: `<|im_end|>` in it is ten bytes and no control id.",
        "The mask is 1 for the content of the assistant and for the 257 after it.",
        "The mask is 0 everywhere else: for heads, for the last line feed, and for all that others say.",
        "Messages follow one another in their order; content is not stripped or changed, and may be empty.",
        "No message at all, or a role other than system, user and assistant, raises ValueError.",
    ),
    inputs=(Argument("messages", None, "[role, content] of each message"),),
    outputs=(
        Argument("ids", None, "whole numbers from 0 to 257"),
        Argument("mask", None, "1 where the id of the same place is to be learned, else 0"),
    ),
    page="explanation/tokenizer",
)

ROUND_TRIP = Contract(
    id="tokenizer.round_trip",
    prose=Prose(
        summary="All steps in a row: a text to ids, and the ids back to the text.",
        why=(
            "Each step may be right and the whole still wrong: special tokens must be found before the text is cut, "
            "cutting comes before merging, and decoding must undo all of it. A text that comes back otherwise than "
            "it went in is lost to the model."
        ),
        source=_SENNRICH,
    ),
    clauses=(
        "Special tokens are found first (the longest at each place); the k-th name has the id 256 + the number of "
        "merges + k.",
        "Each part between them is a text of its own: it is cut by the pattern, and each piece is merged.",
        "The text that comes back is the text that went in, character by character: nothing is normalized, stripped "
        "or added.",
        "An empty text has no ids.",
    ),
    inputs=(
        Argument("text", None, "any string without half surrogate pairs"),
        Argument("pattern", None, "gpt2, cl100k, o200k, llama3, qwen2 or smollm"),
        _MERGES,
        Argument("special_tokens", None, "names; all are allowed in the text"),
    ),
    outputs=(_IDS, Argument("decoded", None, "a string")),
    page="explanation/tokenizer",
)

CONTRACTS: tuple[Contract, ...] = (
    BYTE_TO_UNICODE,
    SPLIT_TEXT,
    COUNT_PAIRS,
    MERGE_PAIR,
    TRAIN_BPE,
    ENCODE_BPE,
    DECODE_BPE,
    SPLIT_SPECIAL,
    STREAM_DECODE,
    ENCODE_CHAT,
    ROUND_TRIP,
)
