"""More than 50 MB of real text, in hundreds of languages and in code: the same ids as the models' own libraries.

Two processes at once, each with one vocabulary. At the end of the session stands what was compared, and with whom.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest
from comparing import compare
from oracles import ALL
from texts import documents
from texts import fetch as fetch_texts
from vocabularies import folder

from llm_tokenizer.corpus.summary import script_of

MEGABYTE = 1_000_000
# The slowest first, so that no process is left alone with one at the end.
IN_ORDER = sorted(ALL, key=lambda name: name in ("gpt2", "cl100k_base", "o200k_base", "qwen"))


@pytest.fixture(scope="session")
def vocabularies():
    found = folder()
    fetch_texts(found / "texts")
    return found


@pytest.fixture(scope="session")
def comparisons(vocabularies):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield {name: pool.submit(compare, name, vocabularies) for name in IN_ORDER}


@pytest.fixture(scope="session")
def mix(vocabularies):
    """Bytes by kind of text, by language, and of letters by script."""
    kinds, languages, characters = Counter(), Counter(), Counter()
    for document in documents(vocabularies / "texts"):
        size = len(document.text.encode())
        kind = f"code in {document.language}" if document.kind == "code" else document.kind
        kinds[kind] += size
        if document.kind != "code":
            languages[document.language] += size
            characters.update(document.text)
    scripts = Counter()
    for character, count in characters.items():
        if character.isalpha():
            scripts[script_of(character)] += count * len(character.encode())
    return kinds, languages, scripts


def test_the_mix(mix, report):
    kinds, languages, scripts = mix
    report.append(f"{sum(kinds.values()) / MEGABYTE:.1f} MB: {_megabytes(kinds)}")
    much = [name for name, size in languages.items() if size >= 100_000]
    report.append(f"{len(languages)} languages, {len(much)} of them with 0.1 MB or more")
    written = Counter({script: size for script, size in scripts.items() if size >= 10_000})
    report.append(f"{len(written)} scripts with 0.01 MB or more: {_megabytes(written)}")
    assert sum(kinds.values()) >= 50 * MEGABYTE
    assert sum(size for kind, size in kinds.items() if kind.startswith("code")) >= 10 * MEGABYTE
    assert len(much) >= 30 and len(written) >= 30


@pytest.mark.parametrize("name", IN_ORDER)
def test_our_ids_are_the_library_s(name, comparisons, report):
    found = comparisons[name].result()
    line = f"{name:12} {found.compared / MEGABYTE:5.1f} MB, {found.tokens / MEGABYTE:5.1f} M ids, {found.library}"
    line += f"; {found.way}" + (f", of it {found.sampled / MEGABYTE:.1f} MB clear too" if found.way == "fast" else "")
    if found.unlike_there:
        line += f"; {found.left_out:,} bytes apart, with {', '.join(found.unlike_there)} of the {found.unlike:,} "
        line += f"characters on which the tables differ, of them {found.explained:,} equal once normalized by Python"
    if found.refused:
        line += f"; {found.refused:,} bytes refused, for which there is no token"
    report.append(line)
    assert not found.differences, found.differences[:3]
    assert found.compared >= 50 * MEGABYTE
    assert found.left_out - found.explained + found.refused <= found.compared / 1000


def _megabytes(sizes):
    return ", ".join(f"{name} {size / MEGABYTE:.2f}" for name, size in sizes.most_common())
