import pytest

from llm_train.interface import Tracker, TrainError
from llm_train.runs import trackers as trackers_module
from llm_train.runs.trackers import Guarded, named_trackers, numbers
from llm_train.stages.pretrain import train


class Recording:
    """A tracker of somebody else's: it only has the three methods."""

    def __init__(self, fails=""):
        self.fails, self.seen = fails, []

    def __getattr__(self, name):
        def method(*arguments):
            if name == self.fails:
                raise OSError("the server is gone")
            self.seen.append((name, *arguments))

        if name in ("start", "log", "finish"):
            return method
        raise AttributeError(name)


def follow(tracker):
    said = []
    guarded = Guarded(tracker, said.append)
    guarded.start({"model": {"layers": 2}})
    for step in (1, 2):
        guarded.log(step, {"loss": 3.0})
    guarded.finish({"validation_loss": 2.0})
    return said


def test_a_tracker_gets_everything_in_order():
    tracker = Recording()
    assert isinstance(tracker, Tracker)
    assert follow(tracker) == []
    assert [name for name, *_ in tracker.seen] == ["start", "log", "log", "finish"]
    assert tracker.seen[1:3] == [("log", 1, {"loss": 3.0}), ("log", 2, {"loss": 3.0})]


@pytest.mark.parametrize(("fails", "before"), [("start", 0), ("log", 1), ("finish", 3)])
def test_a_tracker_that_fails_is_named_once_and_switched_off(fails, before):
    tracker = Recording(fails)
    said = follow(tracker)
    assert len(said) == 1
    assert "the tracker Recording failed (the server is gone) and is switched off" in said[0]
    assert len(tracker.seen) == before


def test_ctrl_c_inside_a_tracker_still_stops_the_run():
    class Slow(Recording):
        def log(self, step, row):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(Slow())


def test_only_finite_numbers_are_passed_on():
    row = {"loss": 1.5, "windows": "all", "best": True, "nan": float("nan"), "update_ratio": {"head": 0.1, "x": None}}
    assert numbers(row) == {"loss": 1.5, "update_ratio/head": 0.1}


def test_an_unknown_tracker_names_the_nearest(tmp_path):
    with pytest.raises(
        TrainError, match=r"no tracker 'tensorbord' \(did you mean tensorboard\?\).*tensorboard, trackio"
    ):
        named_trackers(["tensorbord"], tmp_path)


def test_a_missing_library_is_one_sentence_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(trackers_module, "find_spec", lambda name: None)
    with pytest.raises(TrainError, match="names trackio, which is not installed: pip install trackio"):
        named_trackers(["trackio"], tmp_path)


def test_without_names_there_is_none(tmp_path):
    assert named_trackers([], tmp_path) == []


def test_a_run_goes_on_without_a_tracker_that_fails(tmp_path, small_recipe, capsys):
    results = train(small_recipe, tmp_path / "run", trackers=[broken := Recording("log"), whole := Recording()])
    shown = capsys.readouterr().out
    assert shown.count("the tracker Recording failed (the server is gone)") == 1
    assert [name for name, *_ in broken.seen] == ["start"]
    assert whole.seen[0][1]["training"]["steps"] == 12 and whole.seen[-1] == ("finish", results)
    assert whole.seen[1][2].keys() >= {"loss", "seconds"}


def test_a_tracker_that_is_not_there_is_refused_before_anything_is_read(tmp_path, small_recipe, reporter):
    with pytest.raises(TrainError, match="did you mean trackio"):
        train(small_recipe.with_values(trackers=("trackoi",), corpus="none.txt"), tmp_path / "run", reporter)
    assert not (tmp_path / "run").exists()
