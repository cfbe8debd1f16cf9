import tomllib
from typing import get_args

import pytest

from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe, shipped_recipes
from llm_train.recipes.settings import SECTION_OF, SECTIONS, TrainingSettings


@pytest.mark.parametrize("name", ["shakespeare", "tiny"])
def test_shipped_recipes_load_and_survive_toml(name):
    recipe = Recipe.load(name)
    assert recipe.name == name
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml()), "again") == recipe


def test_shipped_heads_load_in_other_tools():
    assert Recipe.load("shakespeare").model.d_head in (64, 128)


def test_no_field_name_stands_in_two_sections():
    assert len(SECTION_OF) == sum(len(kind.__dataclass_fields__) for kind in SECTIONS.values())


def test_every_field_says_what_it_is():
    for kind in SECTIONS.values():
        for entry in kind.__dataclass_fields__.values():
            assert entry.metadata["about"]


def test_every_number_has_a_lower_and_an_upper_limit():
    for kind in SECTIONS.values():
        for entry in kind.__dataclass_fields__.values():
            numbers = {int, float, tuple[float, ...]} & {entry.type, *get_args(entry.type)}
            limits = set(entry.metadata["limits"])
            assert not numbers or (limits & {"at_least", "above"} and limits & {"at_most", "below"}), entry.name


def test_settings_change_fields_and_leave_the_rest(small_recipe):
    changed = small_recipe.with_settings(["layers=3", "optimizer.clip=2", "sample_prompt=ROMEO:", 'held_out=["a"]'])
    assert changed.model.layers == 3
    assert changed.optimizer.clip == 2
    assert changed.report.sample_prompt == "ROMEO:"
    assert changed.data.held_out == ("a",)
    assert changed.model.d_model == small_recipe.model.d_model


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ('sample_prompt="Chapter 1\\n"', "Chapter 1\n"),
        ("sample_prompt=Chapter 1\\n", "Chapter 1\\n"),
        ('sample_prompt="100"', "100"),
        ("sample_prompt=1\nx=2", "1\nx=2"),
        ("separator=<|endoftext|>", "<|endoftext|>"),
        ('corpus=["a.txt", "b"]', ("a.txt", "b")),
        ("held_out=[]", ()),
        ("keep_best=true", True),
        ("matrix_lr=3e-4", 0.0003),
    ],
)
def test_a_value_is_read_as_toml_or_else_as_text(small_recipe, setting, value):
    name = setting.partition("=")[0]
    assert getattr(getattr(small_recipe.with_settings([setting]), SECTION_OF[name]), name) == value


def test_no_value_is_the_default_of_the_field():
    recipe = Recipe.load("tiny").with_settings(
        ["compute.threads=", "held_out=", "vocab_size= ", "d_model=", "minutes="]
    )
    assert (recipe.compute.threads, recipe.data.held_out, recipe.tokenizer.vocab_size) == (None, (), None)
    assert (recipe.model.d_model, recipe.training.steps) == (192, 40)
    with pytest.raises(TrainError, match=r"training\.steps or training\.minutes must be given"):
        Recipe.load("tiny").with_settings(["steps="])


def test_a_list_in_python_is_a_list_of_a_recipe(small_recipe):
    assert small_recipe.with_values(held_out=["a"]) == small_recipe.with_values(held_out=("a",))


def test_settings_that_fit_only_together_are_taken_together(small_recipe):
    assert small_recipe.with_settings(["heads=6", "kv_heads=3"]).model.kv_heads == 3


def test_steps_replace_minutes_and_minutes_steps(small_recipe):
    timed = small_recipe.with_settings(["minutes=2"])
    assert (timed.training.minutes, timed.training.steps) == (2, None)
    assert timed.with_settings(["steps=7"]).training == small_recipe.with_settings(["steps=7"]).training
    assert timed == small_recipe.with_values(minutes=2)
    assert timed.with_values(steps=7).training.minutes is None
    with pytest.raises(TrainError, match="give only one of them"):
        small_recipe.with_settings(["steps=7", "minutes=2"])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("layer=3", ["layer", "did you mean layers"]),
        ("lr=3", ["lr", "did you mean matrix_lr or embedding_lr or head_lr or norm_lr"]),
        ("learning_rate=3", ["did you mean matrix_lr or embedding_lr or head_lr or norm_lr"]),
        ("model.steps=3", ["model.steps"]),
        ("steps", ["field=value"]),
        ("steps=many", ["training.steps", "a whole number", "'many'"]),
        ("steps=true", ["training.steps", "True"]),
        ("steps=0", ["at least 1", "0"]),
        ("matrix_lr=nan", ["a finite number", "nan"]),
        ("clip=inf", ["optimizer.clip", "a finite number", "inf"]),
        ("minutes=inf", ["training.minutes", "a finite number"]),
        ("matrix_lr=0", ["above 0"]),
        ("matrix_lr=1" + "0" * 400, ["a finite number"]),
        ("beta1=1", ["at least 0 and below 1"]),
        ("momentum=5", ["at least 0 and below 1", "5"]),
        ("floor=5", ["at most 1"]),
        ("decay=1.5", ["schedule.decay", "at most 1"]),
        ("seed=18446744073709551616", ["training.seed", "below"]),
        ("tied_embeddings=1", ["true or false"]),
        ("held_out=3", ["list of names"]),
        ("matrix_optimizer=mouon", ["muon, adamw", "did you mean muon"]),
        ("heads=3", ["multiple", "kv_heads"]),
        ("keep=1", ["at least 2"]),
        ("embedding_lr=1e39", ["optimizer.embedding_lr", "above 0 and at most 1000", "1e+39"]),
        ("clip=1e31", ["optimizer.clip", "at most 1e+30"]),
        ("rope_base=1e13", ["model.rope_base", "at most 1"]),
        ("layers=1000000001", ["model.layers", "at least 1 and at most 1000000000"]),
        ("minutes=1e10", ["training.minutes", "above 0 and at most 1000000000"]),
        ("vocab_size=1000000001", ["tokenizer.vocab_size", "at most 1000000000"]),
        ("batch_doublings=0.5", ["schedule.batch_doublings", "a list of numbers", "0.5"]),
        ("batch_doublings=[0.5, 1]", ["schedule.batch_doublings[1]", "below 1"]),
        ('batch_doublings=["half"]', ["schedule.batch_doublings[0]", "a number", "'half'"]),
        ("batch_doublings=[0.5, 0.25]", ["schedule.batch_doublings", "above the one before it", "[0.5, 0.25]"]),
        (f"batch_doublings={[one / 100 for one in range(1, 22)]}", ["schedule.batch_doublings", "at most 20"]),
        ("first_length=32", ["schedule.first_length", "below model.context_length 32"]),
        ("length_growth=0.2", ["schedule.length_growth", "left at 0.5", "no schedule.first_length"]),
        ("length_multiple=8", ["schedule.length_multiple", "left at 64", "no schedule.first_length"]),
    ],
)
def test_a_bad_setting_is_one_clear_sentence(small_recipe, setting, words):
    recipe = small_recipe.with_settings(["kv_heads=2"])
    with pytest.raises(TrainError) as caught:
        recipe.with_settings([setting])
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"data": {"corpus": "x"}, "modle": {}}, ["'modle'", "did you mean model"]),
        ({"data": {"corpus": "x", "held": []}}, ["data.held", "held_out"]),
        (
            {
                "data": {"corpus": "x"},
                "training": {"steps": 1, "precision": "auto"},
                "model": {"context": 9},
                "seed": 1,
            },
            [
                "mine.toml: the recipe is of another version",
                "training.precision (it is a field of [compute])",
                "model.context (did you mean context_length?)",
                "'seed' (it is a field of [training])",
            ],
        ),
        ({"data": {}}, ["data.corpus"]),
        ({"data": 3}, ["[data]"]),
        ({"data": {"corpus": "x"}}, ["steps", "minutes"]),
        ({"name": 3, "data": {"corpus": "x"}}, ["name must be text"]),
    ],
)
def test_a_bad_recipe_is_refused(content, words):
    with pytest.raises(TrainError) as caught:
        Recipe.from_dict(content, "mine.toml")
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(TrainError, match="did you mean shakespeare"):
        Recipe.load("shakespear")


def test_a_recipe_file_that_is_not_there_is_no_mistyped_name(tmp_path):
    for path in ("nope.toml", str(tmp_path / "tiny")):
        with pytest.raises(TrainError, match="there is no such file"):
            Recipe.load(path)


def test_a_broken_file_says_where(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("name = \n")
    with pytest.raises(TrainError, match=r"broken\.toml.*line 1"):
        Recipe.load(str(path))


def test_an_undecided_field_stays_out_of_the_file():
    training = TrainingSettings(minutes=1.0)
    assert training.steps is None
    assert "steps =" not in Recipe.load("shakespeare").to_toml().split("[training]")[1].split("[report]")[0].replace(
        "warmup_steps", ""
    )


def test_recipes_are_listed_by_name():
    assert list(shipped_recipes()) == sorted(shipped_recipes())
