import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from llm_train.commands.main import main
from llm_train.interface import TrainError
from llm_train.reports.charts import Chart, Curve, compact, ticks
from llm_train.reports.comparison import compare
from llm_train.reports.comparison_page import write_comparison
from llm_train.reports.history import History, load_history, smoothed, thinned
from llm_train.reports.run_report import write_report
from llm_train.runs.folder import Run

RECIPE = """\
name = "{name}"
about = "A run for tests."
[data]
corpus = "play.txt"
[tokenizer]
vocab_size = {vocab_size}
[model]
d_model = 32
layers = 2
heads = 2
kv_heads = 1
d_head = 16
d_ff = 48
context_length = 32
[training]
steps = {steps}
batch = 4
[compute]
precision = "float32"
threads = 1
compile = "no"
"""


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects what could be loaded, ids, and texts for screen readers."""

    EMPTY = ("meta", "path", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.loads, self.ids, self.links, self.labels, self.tags = [], [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)
        self.loads += [given[name] for name in ("src", "data", "srcset") if name in given]
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        self.labels += [given.get("aria-label")] if given.get("role") == "img" else []

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(path):
    """A page is well formed, loads nothing, has no script, names every picture and stays small."""
    content = path.read_bytes()
    page = Page(content.decode("utf-8"))
    assert len(content) <= 300_000
    assert page.loads == [] and "script" not in page.tags and "link" not in page.tags
    assert "url(" not in content.decode() and "@import" not in content.decode()
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert all(page.labels)
    return page, content.decode()


@pytest.fixture
def make_run(tmp_path):
    def make(name="novel", *, steps=60, vocab_size=300, finished=True, old=False, held_out=None, **results):
        folder = tmp_path / "runs" / name
        (folder / "samples").mkdir(parents=True)
        (folder / "recipe.toml").write_text(RECIPE.format(name="small", steps=steps, vocab_size=vocab_size))
        (folder / "corpus.json").write_text(json.dumps({"fingerprint": "f", "held_out": held_out or {"play": 900}}))
        (folder / "environment.json").write_text(json.dumps({"python": "3.11", "versions": {"torch": "2.13"}}))
        metrics, timings = [], []
        for step in range(1, steps + 1):
            row = {"step": step, "loss": 2 + 3 / step, "gradient_norm": 1 + 1 / step, "lr_multiplier": 1.0}
            row["tokens"] = step * 128
            if old:
                row["seconds"] = step * 0.5
            else:
                timings.append({"step": step, "seconds": step * 0.5, "tokens_per_second": 256.0, "memory_mb": 300.0})
                row["update_ratio"] = {"matrices": 0.01 / step, "head": None}
            metrics.append(row)
            if step % 20 == 0:
                bits = {"bits_per_byte": 2.5 + 1 / step, "windows": 4}
                metrics.append({"step": step, "validation_loss": 2.5 + 2 / step} | bits)
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))
        if timings:
            (folder / "timings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in timings))
        for step in (20, 40):
            (folder / "samples" / f"step-{step:08d}.txt").write_text(f"<b>so</b> & on, {step} :heart: [bold]\n")
        known = {
            "validation_loss": 2.5, "bits_per_byte": 2.6, "perplexity": 12.2, "steps": steps, "tokens": steps * 128,
            "tokens_per_second": 256.0, "parameters": 30000, "seconds": 31.5, "sample_prompt": "\n",
            "seconds_by_stage": {"text": 0.5, "training": 30.0},
        }  # fmt: skip
        if finished:
            (folder / "results.json").write_text(json.dumps(known | results))
        return Run(folder)

    return make


def test_a_history_joins_both_logs_on_every_axis(make_run):
    history = load_history(make_run())
    assert len(history.updates) == 60 and len(history.validations) == 3
    assert history.curve("loss")[1] == (2.0, 3.5)
    assert history.curve("loss", "seconds")[1] == (1.0, 3.5)
    assert history.curve("validation_loss", "tokens", validation=True)[0] == (20 * 128, 2.6)
    flops = [x for x, _ in history.curve("loss", "flops")]
    assert flops[9] == pytest.approx(10 * flops[0]) and flops[0] > 0
    assert history.ratio_groups() == ["update_ratio.matrices", "update_ratio.head"]
    assert history.curve("update_ratio.matrices")[0] == (1.0, 0.01)
    assert history.curve("update_ratio.head") == []


def test_a_run_of_an_older_version_has_its_seconds_in_the_metrics(make_run):
    history = load_history(make_run(old=True))
    assert history.curve("loss", "seconds")[3] == (2.0, 2.75)


def test_numbers_that_are_none_are_left_out():
    rows = ({"step": 1, "loss": float("nan")}, {"step": 2, "loss": None}, {"step": 3, "loss": "x"}, {"loss": 1.0})
    assert History(rows, ()).curve("loss") == []
    assert History(({"step": 3, "loss": True}, {"step": 4, "loss": 2}), ()).curve("loss") == [(4.0, 2.0)]


def test_a_smoothed_curve_has_no_lag_at_its_start():
    assert [y for _, y in smoothed([(float(x), 5.0) for x in range(200)])] == pytest.approx([5.0] * 200)


@pytest.mark.parametrize("count", [1, 2, 50, 319, 320, 321, 1000, 10_001])
def test_a_thinned_curve_is_short_and_ends_where_it_ends(count):
    points = [(float(x), float(x * x)) for x in range(count)]
    few = thinned(points, 320)
    assert len(few) <= 320 and few[-1] == points[-1]
    assert few == sorted(few)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (1, 500), (2.5, 2.5), (-3, 7), (0, 0), (1e-9, 3e-9), (1e12, 1e15), (-5, -5), (0.1, 0.3)]
)
def test_ticks_are_few_and_enclose_the_values(low, high):
    found = ticks(low, high, 5)
    assert found[0] <= low + 1e-9 * abs(low) and found[-1] >= high - 1e-9 * abs(high)
    assert 2 <= len(found) <= 8
    assert found == sorted(set(found))


def test_numbers_at_an_axis_are_short():
    values = [0, 0.5, 1e-4, 2.5e-7, 12, 999, 1500, 1_000_000, 2.5e9, 3e12, 4e15, -1500, 999_900]
    assert [compact(value) for value in values] == [
        "0", "0.5", "0.0001", "2.5e-07", "12", "999", "1.5k", "1M", "2.5G", "3T", "4P", "-1.5k", "1M",
    ]  # fmt: skip


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize(
    "points", [[(1.0, 2.0)], [(1.0, 0.0), (2.0, 0.0)], [(1.0, -1.0), (2.0, 5.0)], [(5.0, 1e-8), (5.0, 1e8)]]
)
def test_any_curve_can_be_drawn(points, logarithmic):
    drawn = Chart(title="t", x="x", y="y", curves=[Curve("c", points)], logarithmic=logarithmic).html()
    numbers = [float(found) for path in re.findall(r' d="([^"]+)"', drawn) for found in re.findall(r"-?[\d.]+", path)]
    assert numbers and all(-1 <= number <= 1001 for number in numbers)
    assert "nan" not in drawn and "inf" not in drawn


def test_a_chart_without_values_is_no_chart():
    assert Chart(title="t", x="x", y="y", curves=[Curve("c", [])]).html() == ""


@pytest.mark.parametrize("kind", ["finished", "unfinished", "old", "not begun"])
def test_a_page_has_all_that_is_known_and_needs_nothing_else(make_run, kind):
    run = make_run(finished=kind in ("finished", "old"), old=kind == "old", steps=0 if kind == "not begun" else 60)
    if kind == "not begun":
        recipe = run.recipe_file.read_text().replace("steps = 0", "steps = 9")
        run.recipe_file.write_text(recipe)
    page, text = check_page(write_report(run))
    assert ("It is not finished" in text) == (kind in ("unfinished", "not begun"))
    headings = re.findall(r"<h2>([^<]+)", text)
    assert headings[-2:] == ["Settings", "Environment"]
    assert ("Loss" in headings) == ("Learning" in headings) == (kind != "not begun")
    assert "&lt;b&gt;so&lt;/b&gt; &amp; on, 40 :heart: [bold]" in text
    assert len(page.labels) == {"finished": 5, "unfinished": 5, "old": 4, "not begun": 0}[kind]
    if kind == "finished":
        assert "Training and validation, loss, nats per token, over step (weight updates): training, smoothed" in text


def test_a_page_stays_small_however_much_there_is(make_run):
    run = make_run(steps=4000, sample_prompt="x" * 10**5)
    for step in range(300):
        (run.samples_folder / f"step-{step:08d}.txt").write_text("<&>" * 20_000)
    recipe = run.recipe_file.read_text()
    names = json.dumps([f"text number {n}" for n in range(5000)])
    run.recipe_file.write_text(recipe.replace("[data]", f"[data]\nheld_out = {names}"))
    _, text = check_page(write_report(run))
    assert "12 of 300 samples are shown" in text


def test_a_name_that_looks_like_markup_or_is_not_utf8_is_shown_as_it_is(make_run):
    _, text = check_page(write_report(make_run("<i>x & :heart:\udcff")))
    assert "<h1>&lt;i&gt;x &amp; :heart:?</h1>" in text


def test_runs_are_compared_on_four_axes(make_run, tmp_path):
    runs = [make_run("a"), make_run("b", steps=40, validation_loss=2.4, bits_per_byte=2.5)]
    comparison = compare(runs)
    table = {name: (values, best) for name, values, best in comparison.table()}
    assert table["validation loss"] == (["2.5000", "2.4000"], 1)
    assert table["tokens"] == (["7.68k", "5.12k"], None)
    assert table["tokens per second"] == (["256", "256"], None), "where all are equal none is the best"
    assert comparison.differing_settings() == [("training.steps", ["60", "40"])]
    assert comparison.notes() == []
    write_comparison(comparison, tmp_path / "c.html")
    page, text = check_page(tmp_path / "c.html")
    assert len(page.labels) == 8
    for words in ("Over steps", "Over tokens", "Over seconds", "Over FLOPs", "loss, nats per token"):
        assert words in text
    sections = ["Settings that differ</h2>", "is bold", "validation loss</th>", "Over steps"]
    assert sorted(sections, key=text.index) == sections


def test_different_vocabularies_are_compared_in_bits_per_byte(make_run, tmp_path):
    comparison = compare([make_run("a"), make_run("b", vocab_size=400, validation_loss=2.9, bits_per_byte=2.5)])
    assert len(comparison.notes()) == 1 and "compared in bits per byte" in comparison.notes()[0]
    table = {name: best for name, _, best in comparison.table()}
    assert (table["validation loss"], table["bits per byte"]) == (None, 1)
    write_comparison(comparison, tmp_path / "c.html")
    page, text = check_page(tmp_path / "c.html")
    assert len(page.labels) == 4, "training losses of different tokens are not drawn over each other"
    assert "bits per byte of held-out text" in text and "have different vocabularies" in text


def test_what_keeps_runs_from_being_comparable_is_said(make_run):
    unlike = make_run("b", finished=False, held_out={"other": 1}, vocab_size=400)
    measured, text, vocabulary = compare([make_run("a"), unlike]).notes()
    assert "Not finished" in measured and measured.endswith("b.")
    assert "not validated on the same text" in text
    assert "different vocabularies" in vocabulary


def test_equal_runs_say_so(make_run, capsys, tmp_path):
    make_run("a"), make_run("b")
    assert main(["compare", "a", "b", "--runs", str(tmp_path / "runs")]) == 0
    shown = capsys.readouterr().out
    assert "all settings are the same" in shown and f"{tmp_path / 'runs' / 'comparison.html'}" in shown


def test_the_table_of_a_comparison_stands_in_columns(make_run, capsys, tmp_path):
    make_run("short"), make_run("a-longer-name", steps=30)
    out = tmp_path / "c.html"
    assert main(["compare", "short", "a-longer-name", "--runs", str(tmp_path / "runs"), "--output", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines.index("settings that differ:") < lines.index("results:"), "what is compared comes before the outcome"
    lines = lines[lines.index("results:") + 1 :]
    at = lines[0].index("a-longer-name")
    assert all(line[at - 1] == " " and line[at] != " " for line in lines[1:8])
    assert out.exists() and not (tmp_path / "runs" / "comparison.html").exists()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "name 2 to 8 runs to compare, there were 0"),
        (["a"], "there were 1"),
        (["a"] * 9, "there were 9"),
        (["a", "a"], "is named twice"),
        (["a", "bb"], "did you mean b?"),
        (["a", "empty"], "has made no update yet"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused(make_run, capsys, tmp_path, names, words):
    make_run("a"), make_run("b"), make_run("empty", finished=False)
    (tmp_path / "runs" / "empty" / "metrics.jsonl").unlink()
    assert main(["compare", *names, "--runs", str(tmp_path / "runs")]) == 2
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and shown.out == ""
    assert not (tmp_path / "runs" / "comparison.html").exists()


def test_runs_of_one_name_are_told_apart_by_their_folders(make_run, tmp_path):
    first = make_run("a")
    shutil.copytree(first.folder, tmp_path / "other" / "a")
    names = [run.name for run in compare([first, Run(tmp_path / "other" / "a")]).runs]
    assert names == [str(first.folder), str(tmp_path / "other" / "a")]


def test_a_page_that_cannot_be_written_is_one_sentence(make_run, tmp_path):
    with pytest.raises(TrainError, match="cannot be written"):
        write_comparison(compare([make_run("a"), make_run("b")]), tmp_path / "none" / "c.html")


def test_the_report_of_a_run_is_written_by_its_name(make_run, capsys, tmp_path):
    run = make_run("novel")
    assert main(["report", "novel", "--runs", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out == f"{run.folder / 'report.html'}\n"
    check_page(run.folder / "report.html")
    assert main(["report", "novl", "--runs", str(tmp_path / "runs")]) == 2
    assert "did you mean novel?" in capsys.readouterr().err
