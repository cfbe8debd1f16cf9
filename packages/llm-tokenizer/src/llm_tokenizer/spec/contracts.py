"""The contracts of llm-tokenizer: what each step from text to ids and back must be."""

from __future__ import annotations

from llm_tokenizer.spec.contract import Argument, Contract

_PIECES = Argument("pieces", None, "strings; nothing is ever merged from one into the next")
_MERGES = Argument("merges", None, "pairs [left id, right id] in the order of learning; the k-th makes id 256 + k")
_IDS = Argument("ids", None, "whole numbers: a byte is its own id, and the k-th merge has the id 256 + k")
_SENNRICH = "Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units"
_GPT2 = "Radford et al. 2019, Language Models are Unsupervised Multitask Learners"

BYTE_TO_UNICODE = Contract(
    id="tokenizer.byte_to_unicode",
    summary="A printable character for every byte.",
    formula=r"t(b) = b \text{ if visible, else } 256 + \#\{b' < b : b' \text{ not visible}\}",
    why=(
        "Tokenizer files are text, but a token may be half a character or a line break. Each byte is therefore written "
        "as a character that can be seen: 188 bytes look like themselves already, the other 68 are moved up."
    ),
    clauses=(
        "The table has 256 characters, all different, the b-th for byte b.",
        "The bytes 0x21 to 0x7E, 0xA1 to 0xAC and 0xAE to 0xFF stand for the character with their own code point.",
        "All other bytes, in their order, take the characters from U+0100 on: 0x00 is U+0100, a blank is U+0120 (Ġ).",
    ),
    inputs=(),
    outputs=(Argument("table", None, "256 strings of one character"),),
    page="explanation/tokenizer",
    source=_GPT2,
)

SPLIT_TEXT = Contract(
    id="tokenizer.split_text",
    summary="Cut a text into the pieces within which tokens are merged.",
    formula=r"\text{text} = p_1 p_2 \dots p_n",
    why=(
        "Without a cut, 'dog', 'dog.' and 'dog!' would each become a token, and the vocabulary would fill with pairs "
        "of word and punctuation. The cut keeps words, numbers, punctuation and white space apart, and gives each word "
        "the blank before it, so that a word is mostly one token wherever it stands."
    ),
    clauses=(
        "The pieces joined are the text: nothing is lost, added or changed.",
        "At each place the first alternative of the pattern that fits takes as much as it can.",
        "A run of letters takes along one blank before it (gpt2), or one character that is neither letter, number, "
        "carriage return nor line feed (the others).",
        "Letters are those of every script (Unicode category L), numbers those of category N; a combining mark is "
        "neither, except that o200k counts it among the letters.",
        "Numbers: a run of any length with one blank before it (gpt2); at most three without a blank (cl100k, o200k, "
        "llama3); one at a time (qwen2).",
        "The endings 's 't 're 've 'm 'll 'd are pieces of their own, in small letters only (gpt2) or in any case "
        "(the others); in o200k they stay with their word. Only the straight apostrophe U+0027 counts.",
        "White space leaves its last character to the piece that follows, unless it is alone or ends the text.",
        "Except in gpt2, punctuation takes the carriage returns and line feeds after it along (o200k: slashes too), "
        "and other white space up to its last line break is one piece; in cl100k white space that ends the text is "
        "one piece.",
        "In o200k a word is capitals followed by small letters, or capitals alone: a new piece begins at a capital "
        "after a small letter.",
        "White space is Unicode's White_Space: U+0085, U+00A0 and U+3000 are, U+001C to U+001F and U+200B are not.",
        "An empty text has no pieces.",
        "A name that is none of gpt2, cl100k, o200k, llama3, qwen2 raises ValueError.",
    ),
    inputs=(
        Argument("text", None, "any string"),
        Argument("pattern", None, "gpt2, cl100k, o200k, llama3 or qwen2"),
    ),
    outputs=(Argument("pieces", None, "strings that are not empty"),),
    page="explanation/tokenizer",
    source=f"{_GPT2}; OpenAI, tiktoken; Grattafiori et al. 2024, The Llama 3 Herd of Models",
)

TRAIN_BPE = Contract(
    id="tokenizer.train_bpe",
    summary="Learn merges: join the most frequent pair of neighbours, again and again.",
    formula=r"(l, r)_k = \arg\max_{(l, r)} \#\{\text{places where } l \text{ stands directly before } r\}",
    why=(
        "What often stands side by side is worth an id of its own. Each merge shortens the text by about as many "
        "tokens as the pair has places, so the most frequent pair is the best single step, and counting finds it."
    ),
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
    source=_SENNRICH,
)

ENCODE_BPE = Contract(
    id="tokenizer.encode_bpe",
    summary="Apply the merges to pieces, the earliest learned first.",
    formula=r"\text{ids} = (m_K \circ \dots \circ m_1)(\text{bytes})",
    why=(
        "Encoding replays the training: the same merges in the same order, so that a word is cut as it was when the "
        "vocabulary was made. Taking the longest token that fits would be another cut, which the model never saw."
    ),
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
    source=_SENNRICH,
)

DECODE_BPE = Contract(
    id="tokenizer.decode_bpe",
    summary="The bytes that ids stand for.",
    formula=r"d(b) = b, \quad d(256 + k) = d(l_k)\, d(r_k)",
    why=(
        "A token is a string of bytes, and encoding only cut the text's bytes into such strings; in a row they are the "
        "text again. A character may lie in two tokens, so bytes must be joined before they become characters."
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
    source=_SENNRICH,
)

CONTRACTS: tuple[Contract, ...] = (BYTE_TO_UNICODE, SPLIT_TEXT, TRAIN_BPE, ENCODE_BPE, DECODE_BPE)
