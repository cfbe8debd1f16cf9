"""What a vocabulary buys and costs, in figures: recorded by `record_vocabulary.py`, or computed from a model."""

from __future__ import annotations

import html
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import plots

if TYPE_CHECKING:
    from llm_layers import ModelConfig

MARKED = (256, 512, 1024, 2048, 4096, 8192, 16384)


def recorded(name: str = "vocabulary") -> Any:
    """What was measured.

    Raises:
        ValueError: Nothing has been recorded yet.
    """
    path = plots.RECORDED / f"{name}.json"
    if not path.is_file():
        raise ValueError(f"there is no {path.name}: run `python docs/_build/record_vocabulary.py`")
    return json.loads(path.read_text(encoding="utf-8"))


def words_without_end() -> str:
    """How many words there are, and how many of a new text are not among them."""
    measured, corpus = recorded()["words"], recorded()["corpus"]
    shown = (
        (f"{measured['different']:,}", f"different words in {corpus['training']['documents']} plays"),
        (f"{measured['once'] / measured['different']:.0%}", "of them occur only once"),
        (
            f"{measured['held out different unknown'] / measured['held out different']:.1%}",
            f"of the different words in {len(corpus['held out'])} other plays are new",
        ),
        (
            f"1 in {measured['held out running'] / measured['held out running unknown']:.0f}",
            "words of those plays would be a hole in the text",
        ),
    )
    return tiles(shown)


def longest_match() -> str:
    """The same vocabulary applied in two ways."""
    measured = recorded()["longest match"]
    return tiles(
        (
            (f"{measured['merged']:.3f}", "bytes per token, merged in the order of learning"),
            (f"{measured['longest']:.3f}", "bytes per token, always the longest token that fits"),
        )
    )


def tiles(shown: Any) -> str:
    """Numbers in a row, each with the words for it."""
    parts = (f"<div><strong>{number}</strong><span>{html.escape(words)}</span></div>" for number, words in shown)
    return f'<div class="tiles pairs">{"".join(parts)}</div>'


def compression() -> str:
    """Bytes per token against the size of the vocabulary, which doubles from mark to mark."""
    points = [(math.log2(size["vocabulary"]), size["bytes per token"]) for size in recorded()["sizes"]]
    return against_size({"bytes": points}, "bytes per token", "More tokens, longer tokens, with falling gains")


def table_share() -> str:
    """How much of a model lies in its embedding table and its head."""
    series = {
        name: [(math.log2(size), 100 * share_of_tables(config, size)) for size in (*MARKED, 32768, 65536, 131072)]
        for name, config in shapes().items()
    }
    return against_size(
        series, "fraction of all weights, %", "The tables’ fraction of the weights grows with the vocabulary"
    )


def work_per_byte() -> str:
    """What one byte of text costs the small model, for tokens of the measured lengths."""
    sizes = [size["vocabulary"] for size in recorded()["sizes"]]
    points = [(math.log2(size), work / 1e6) for size, work in zip(sizes, works(shapes()["small"]), strict=True)]
    return against_size({"work": points}, "million operations per byte", "Work per byte has a lowest point")


def works(config: ModelConfig) -> list[float]:
    """Operations per byte of text, one number per measured vocabulary."""
    from llm_layers.inspection.costs import forward_flops_per_token

    return [
        forward_flops_per_token(replace(config, vocab_size=size["vocabulary"]), 128) / size["bytes per token"]
        for size in recorded()["sizes"]
    ]


def against_size(series: dict[str, plots.Points], up: str, label: str) -> str:
    """A chart over vocabulary sizes."""
    sizes = (*MARKED, 32768, 65536, 131072)
    marks = {math.log2(size): f"{size:,}" if size < 10000 else f"{size // 1024}k" for size in sizes}
    return plots.chart(series, across="vocabulary", up=up, label=label, marks=marks)


def shapes() -> dict[str, ModelConfig]:
    """The model that `nox -s train` makes, and one in the shape of Qwen3-0.6B."""
    from llm_layers import ModelConfig
    from llm_train.recipes.recipe import Recipe
    from llm_train.stages.build import model_config

    large = ModelConfig(
        vocab_size=151936,
        d_model=1024,
        layers=28,
        heads=16,
        kv_heads=8,
        d_head=128,
        d_ff=3072,
        context_length=40960,
        tied_embeddings=True,
    )
    return {"small": model_config(Recipe.load("shakespeare")), "large": large}


def share_of_tables(config: ModelConfig, size: int) -> float:
    """Embedding table and head as a fraction of all weights, if the model had a vocabulary of this size."""
    from llm_layers.inspection.costs import parameter_count

    sized = replace(config, vocab_size=size)
    return 1 - parameter_count(sized, embeddings=False) / parameter_count(sized)


def size_table() -> str:
    """Every measured size whose logarithm is whole."""
    small = shapes()["small"]
    head = (
        "vocabulary", "bytes per token", "tokens in the training text", "hardly seen", "tables’ fraction", "learned in"
    )  # fmt: skip
    rows = []
    for size in recorded()["sizes"]:
        count = size["vocabulary"]
        if count not in MARKED:
            continue
        rows.append(
            (
                f"{count:,}",
                f"{size['bytes per token']:.2f}",
                f"{size['training tokens'] / 1e6:.2f} million",
                f"{size['rare tokens'] / max(1, count - 256):.0%}",
                f"{share_of_tables(small, count):.0%}",
                f"{size['seconds']:.1f} s" if size["seconds"] else "",
            )
        )
    return table(head, rows)


def cuts() -> str:
    """Trained on the same text with GPT-2's cut and with none."""
    measured = recorded()["cuts"]
    cut, uncut = measured["cut"], measured["uncut"]
    learned = measured["vocabulary"] - 256
    rows = [
        ("bytes per token", *(f"{side['bytes per token']:.2f}" for side in (cut, uncut))),
        ("tokens that join parts of two pieces", *(f"{side['mixed'] / learned:.0%}" for side in (cut, uncut))),
        (f"tokens for the word “{measured['word']}”", *(chips(side["copies"]) for side in (cut, uncut))),
        ("longest tokens", *(chips(side["longest"][:6]) for side in (cut, uncut))),
    ]
    return table((f"{learned:,} merges", "with GPT-2’s cut", "without a cut"), rows, words=True)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]], *, words: bool = False) -> str:
    """A table whose cells are HTML already."""
    titles = "".join(f"<th>{html.escape(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    style = "measured words" if words else "measured"
    filled = f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table class="{style}">{filled}</table></div>'


def chips(tokens: list[str]) -> str:
    """Tokens with their spaces made visible."""
    shown = (token.replace(" ", "␣").replace("\n", "↵") for token in tokens)
    return "".join(f'<code class="chip">{html.escape(token)}</code>' for token in shown)
