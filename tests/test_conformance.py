"""The machinery of the specification on a toy package: one contract, the weighted mean square."""

from __future__ import annotations

import json
import os
import random
import sys
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import proof.mutants
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.conformance import Argument, Case, Contract, Implementation, Prose, Specification, read_contracts
from llm_tokenizer.conformance.case import read_cases, write_cases
from llm_tokenizer.conformance.command import main
from llm_tokenizer.conformance.difference import Difference, compare, deviation
from llm_tokenizer.conformance.harness import DIFFERS, PARTLY, PASS, UNWRITTEN, check_implementation, try_contract
from llm_tokenizer.conformance.large import Generator, LargeCases
from llm_tokenizer.conformance.made_cases import all_cases, generated_cases
from llm_tokenizer.conformance.prose import find_prose, read_prose
from llm_tokenizer.conformance.report import describe, print_report, remarks
from proof.evidence import witnesses
from proof.faults import plant
from proof.goldens import recompute
from proof.mutants import measure

CONTRACT = Contract(
    id="toy.mean_square",
    prose=Prose(summary="The mean of the squares, scaled.", formula="y = g · mean(x²)", why="A toy."),
    clauses=("The squares are averaged over the last axis.", "The mean is scaled by the gain."),
    inputs=(Argument("x", "batch d_model", "numbers"), Argument("gain", None, "a number")),
    outputs=(Argument("y", "batch", "one number a row"),),
    gradients=("x",),
)

FILES = {
    "__init__.py": "",
    "spec/__init__.py": "",
    "reference/__init__.py": "from toy_package.reference.toy import mean_square, mean_square_backward",
    "reference/toy.py": """
        import numpy as np

        def mean_square(x, gain):
            return gain * (x * x).sum(axis=-1) / x.shape[-1]

        def mean_square_backward(dy, x, gain):
            return 2.0 * gain * dy[:, None] * x / x.shape[-1]
        """,
    "spec/ours.py": "from toy_package.reference.toy import mean_square, mean_square_backward",
    "witnesses.py": """
        import numpy as np
        from proof.evidence import Witness

        class Einsum:
            @staticmethod
            def mean_square(x, gain):
                return gain * np.einsum("bd,bd->b", x, x) / x.shape[-1]

        WITNESSES = (Witness("einsum", lambda: Einsum),)
        """,
    "spec/slips.py": """
        from llm_tokenizer.conformance import Alternatives

        SLIPS = Alternatives()
        slip = SLIPS.of("toy.mean_square")
        slip("summed, not averaged", "Divide by the number of columns.")(lambda x, gain: gain * (x * x).sum(axis=-1))
        slip("gain forgotten", "Multiply by the gain.")(lambda x, gain: (x * x).mean(axis=-1))

        @slip("the 2 of the square's derivative forgotten", "d(x²) is 2x.", backward=True)
        def no_two(dy, x, gain):
            return gain * dy[:, None] * x / x.shape[-1]
        """,
    "variants.py": """
        import numpy as np
        from llm_tokenizer.conformance import Alternatives

        VARIANTS = Alternatives(correct=True)

        @VARIANTS.of("toy.mean_square")("float32 inside")
        def in_float32(x, gain):
            return (gain * (x.astype(np.float32) ** 2).mean(axis=-1)).astype(x.dtype)
        """,
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Specification]:
    package = tmp_path / "toy_package"
    for name, text in FILES.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    dy = np.array([1.0, -0.5])
    cases = [
        Case(contract=CONTRACT.id, id="by_hand", kind="by hand", clause=2, catches="a forgotten gain",
             inputs={"x": x, "gain": 3.0}, upstream={"y": dy}, worked="3 · (1 + 4) / 2 = 7.5; 3 · (9 + 16) / 2 = 37.5"),
        Case(contract=CONTRACT.id, id="strided", kind="edge", clause=1, catches="an assumption about layout",
             inputs={"x": np.array([[0.5, -1.5, 2.5], [0.25, 3.0, -1.0]]), "gain": 0.5}, upstream={"y": dy},
             layout="non-contiguous"),
    ]  # fmt: skip
    write_cases(package / "spec" / "cases" / "mean_square.json", CONTRACT.id, cases)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(proof, "__path__", [*proof.__path__, str(tmp_path)])
    specification = Specification(
        package="llm-toy", module="toy_package", version="1.0", contracts=(CONTRACT,), arrays="numpy"
    )
    assert recompute(specification, write=True) == []
    generated_cases.cache_clear()  # two toys are equal
    yield Specification(package="llm-toy", module="toy_package", version="1.0", contracts=(CONTRACT,), arrays="numpy")
    for name in [name for name in sys.modules if name.removeprefix("proof.").startswith("toy_package")]:
        del sys.modules[name]


def trial(toy: Specification, **functions: object):
    return check_implementation(toy, Implementation(SimpleNamespace(**functions), name="mine")).verdicts[0]


def test_goldens_carry_values_gradients_tolerance_and_witnesses(toy: Specification) -> None:
    by_hand, strided = toy.cases[CONTRACT.id]
    assert by_hand.outputs["y"].tolist() == [7.5, 37.5]
    assert by_hand.gradients["x"].tolist() == [[3.0, 6.0], [-4.5, -6.0]]
    assert set(by_hand.witnesses) == {"einsum", "complex step", "by hand"}
    assert by_hand.tolerance["float64"] == 1e-12
    assert strided.layout == "non-contiguous"
    assert recompute(toy) == []


def test_a_changed_golden_is_reported(toy: Specification) -> None:
    path = toy.case_files[CONTRACT.id]
    path.write_text(path.read_text().replace("37.5]", "37.500000001]"))
    fresh = Specification(package="llm-toy", module="toy_package", version="1.0", contracts=(CONTRACT,))
    assert any("the stored outputs differ" in complaint for complaint in recompute(fresh))


def test_a_witness_that_disagrees_is_reported(toy: Specification) -> None:
    witnesses(toy)[0].load().mean_square = staticmethod(lambda x, gain: gain * (x * x).mean(axis=-1) * (1 + 1e-12))
    assert any("einsum differs from the reference" in complaint for complaint in recompute(toy))


def test_goldens_that_a_witness_rejects_are_not_written(toy: Specification) -> None:
    path = toy.case_files[CONTRACT.id]
    before = path.read_text()
    witnesses(toy)[0].load().mean_square = staticmethod(lambda x, gain: gain * (x * x).mean(axis=-1) * (1 + 1e-12))
    assert any("einsum differs from the reference" in complaint for complaint in recompute(toy, write=True))
    assert path.read_text() == before


def test_a_witness_that_says_nothing_today_is_not_recorded(toy: Specification) -> None:
    path = toy.case_files[CONTRACT.id]
    before = path.read_text()
    path.write_text(before.replace('"einsum"', '"another"'))
    fresh = Specification(package="llm-toy", module="toy_package", version="1.0", contracts=(CONTRACT,), arrays="numpy")
    assert any("the stored witnesses are ['another', " in complaint for complaint in recompute(fresh))
    assert recompute(fresh, write=True) == []
    assert path.read_text() == before


def test_a_golden_needs_a_witness(toy: Specification) -> None:
    toy = replace(toy, contracts=(replace(CONTRACT, gradients=()),))
    toy.cases[CONTRACT.id][:] = [replace(case, upstream={}, gradients={}) for case in toy.cases[CONTRACT.id]]
    del witnesses(toy)[0].load().mean_square
    assert any("no witness computes mean_square" in complaint for complaint in recompute(toy, write=True))


def test_nothing_written_is_no_failure(toy: Specification) -> None:
    assert trial(toy).status == UNWRITTEN


def test_forward_alone_is_right_but_not_complete(toy: Specification) -> None:
    assert trial(toy, mean_square=lambda x, gain: gain * (x**2).mean(axis=-1)).status == PARTLY


def test_reference_and_ours_pass(toy: Specification) -> None:
    assert check_implementation(toy, toy.ours).verdicts[0].status == PASS
    assert check_implementation(toy, Implementation(toy.reference)).verdicts[0].status == PASS


def test_a_slip_is_recognized_by_its_numbers(toy: Specification) -> None:
    verdict = trial(toy, mean_square=lambda x, gain: np.einsum("bd,bd->b", x, x) * gain)
    assert verdict.status == DIFFERS
    assert verdict.recognized is not None
    assert verdict.recognized.name == "summed, not averaged"


def test_two_mistakes_at_once_are_both_named(toy: Specification) -> None:
    verdict = trial(
        toy,
        mean_square=lambda x, gain: (x * x).mean(axis=-1),
        mean_square_backward=lambda dy, x, gain: gain * dy[:, None] * x / x.shape[-1],
    )
    assert verdict.recognized.name == "gain forgotten"
    assert verdict.in_gradient.name == "the 2 of the square's derivative forgotten"


def test_a_slip_in_the_gradient_is_recognized(toy: Specification) -> None:
    verdict = trial(
        toy,
        mean_square=lambda x, gain: gain * (x**2).mean(axis=-1),
        mean_square_backward=lambda dy, x, gain: gain * dy[:, None] * x / x.shape[1],
    )
    assert verdict.recognized is not None
    assert "the 2 of" in verdict.recognized.name


def test_a_mistake_of_ones_own_is_not_called_a_slip(toy: Specification) -> None:
    verdict = trial(toy, mean_square=lambda x, gain: gain * (x**3).mean(axis=-1))
    assert verdict.status == DIFFERS
    assert verdict.recognized is None


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, gain: 1 / 0, "test_conformance.py, line "),
        (lambda x, gain: 1 / 0, ": division by zero"),
        (lambda x, gain: x, "the shape is (2, 2) and must be (2,)"),
        (lambda x, gain: "text", "an array is expected, and str came back"),
        (lambda x, gain: None, "an array is expected, and NoneType came back"),
        (lambda x: x, "it raised TypeError"),
        (lambda x, gain: x.mean(-1, keepdim=True), 'Then write SPEC_ARRAYS = "torch" in your module'),
    ],
)
def test_whatever_a_stranger_returns_is_told_in_words(toy: Specification, function: object, words: str) -> None:
    failure = trial(toy, mean_square=function).failures[0]
    assert failure.difference is not None
    assert words in failure.difference.reason


def test_a_function_that_ends_the_program_is_told_like_any_exception(toy: Specification, capsys) -> None:
    def leaves(x, gain):
        raise SystemExit

    verdict = trial(toy, mean_square=leaves)
    assert verdict.status == DIFFERS
    place = f"test_conformance.py, line {leaves.__code__.co_firstlineno + 1}"
    assert describe(verdict.failures[0], CONTRACT.axes_of).endswith(f"{place}.")
    assert "it raised SystemExit in " in verdict.failures[0].difference.reason


@pytest.mark.parametrize(
    ("function", "ignored"),
    [
        (lambda x, gain: (x * x).mean(axis=-1), ("gain",)),
        (lambda x, gain: np.ones(len(x)), ("x", "gain")),
        (lambda x, gain: gain * x.mean(axis=-1), ()),
    ],
)
def test_an_argument_that_is_ignored_is_named(toy: Specification, function: object, ignored: tuple, capsys) -> None:
    assert trial(toy, mean_square=function).ignored == ignored
    print_report(check_implementation(toy, Implementation(SimpleNamespace(mean_square=function))), Console())
    words = f"your answer does not depend on {', '.join(ignored)}\n"
    assert (words in capsys.readouterr().out) == bool(ignored)


def test_only_what_is_accepted_is_called_accepted(toy: Specification) -> None:
    def low(x, gain):
        return (gain * (x.astype(np.float32) ** 2).mean(axis=-1) * np.float32(1 + 1e-7)).astype(x.dtype)

    def low_once(x, gain):
        return low(x, gain) if x.shape[1] == 2 else x.sum(axis=-1)

    accepted, refused = (
        check_implementation(toy, Implementation(SimpleNamespace(mean_square=function), name="mine"))
        for function in (low, low_once)
    )
    assert remarks(accepted) == ["toy.mean_square: accepted, but it is only as exact as float32."]
    assert refused.failed and any(outcome.note for outcome in refused.verdicts[0].outcomes)
    assert remarks(refused) == []


def right(x, gain):
    return gain * (x**2).mean(axis=-1)


def faulty(fault):
    """The right function, that also does something which no function of a specification may do."""

    def mean_square(x, gain, memory={}):  # noqa: B006 - the memory is the fault
        y = right(x, gain)
        if fault == "argument":
            x *= 0
        elif fault == "by shape":
            return memory.setdefault(x.shape, y)
        elif fault == "by values":
            return memory.setdefault(gain, y) if memory.get(gain, y).shape == y.shape else y
        elif fault == "kept answer":
            return memory.setdefault((x.tobytes(), x.shape, gain), y)
        elif fault == "by object":
            return memory.setdefault((id(x), gain), (x, y))[1].copy()
        elif fault == "by sum":
            return memory.setdefault((x.shape, gain, round(x.sum(), 9)), y).copy()
        elif fault == "read-only":
            x.setflags(write=False)
        elif fault == "errors ignored":
            np.seterr(all="ignore")
        elif fault == "one layout":
            return gain * (x.ravel(order="K").reshape(x.shape) ** 2).mean(axis=-1) if x.flags.f_contiguous else y
        elif fault == "one buffer":
            memory.setdefault(x.shape, np.empty_like(y))[:] = y
            return memory[x.shape]
        elif fault == "transposed":
            return gain * (np.ravel(x, order="K").reshape(x.shape) ** 2).mean(axis=-1)
        elif fault == "view":
            x[:, 0] = y
            return x[:, 0]
        elif fault == "random numbers":
            np.random.seed(0)
        elif fault == "environment":
            os.environ["A_SETTING_OF_OURS"] = "1"
        elif fault == "filters":
            warnings.simplefilter("error")
        elif fault == "errors":
            np.seterr(divide="raise")
        elif fault == "endless":
            while True:
                pass
        elif fault == "whole numbers":
            return y.astype(np.int64) if (y == y.astype(np.int64)).all() else y
        elif fault == "looked up":
            return np.array([0.0, 0.0]) if x.shape[1] == 2 and x[0, 0] != 1.0 else y
        return y

    return mean_square


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("argument", "it changed its argument x in place"),
        ("by shape", None),
        ("one buffer", "a later call changed it"),
        ("kept answer", None),
        ("by object", None),
        ("by sum", None),
        ("read-only", "it changed its argument x in place"),
        ("errors ignored", "it changed the error handling of NumPy"),
        ("one layout", "right only while arrays lie in memory in order"),
        ("transposed", "right only while arrays lie in memory in order"),
        ("view", "it changed its argument x in place"),
        ("random numbers", "it changed the random numbers of NumPy"),
        ("environment", "it changed the environment variables"),
        ("filters", "it changed the warnings filters"),
        ("errors", "it changed the error handling of NumPy"),
        ("endless", "it did not come back within 0.2 seconds: look for a loop that does not end"),
        ("looked up", None),
    ],
)
def test_a_call_depends_on_its_arguments_alone_and_changes_nothing(toy: Specification, fault: str, words) -> None:
    before = (os.environ.copy(), np.geterr(), warnings.filters[:], np.random.get_state()[1].tolist())
    mine = Implementation(SimpleNamespace(mean_square=faulty(fault)), name="mine")
    verdict = check_implementation(toy, mine, seed=1, seconds=0.2).verdicts[0]
    assert verdict.status == DIFFERS
    assert words is None or any(words in failure.difference.reason for failure in verdict.failures)
    assert before == (os.environ.copy(), np.geterr(), warnings.filters[:], np.random.get_state()[1].tolist())


def test_a_library_that_is_imported_late_may_set_environment_variables(toy: Specification, tmp_path) -> None:
    (tmp_path / "a_late_library.py").write_text("import os\n\nos.environ['A_FOLDER_OF_ITS_OWN'] = '1'\n")

    def mean_square(x, gain):
        import a_late_library  # noqa: F401

        return right(x, gain)

    assert trial(toy, mean_square=mean_square).status == PARTLY
    assert "A_FOLDER_OF_ITS_OWN" not in os.environ


def test_only_torch_and_python_may_draw_and_nobody_may_seed(toy: Specification) -> None:
    torch = pytest.importorskip("torch")

    def after(act):
        return lambda x, gain: (act(), right(x, gain))[1]

    for act in (lambda: torch.rand(1), random.random):  # as whenever a module is made, or beartype checks a list
        assert trial(toy, mean_square=after(act)).status == PARTLY
    for act in (lambda: torch.manual_seed(1), np.random.random, lambda: random.seed(1)):
        assert trial(toy, mean_square=after(act)).status == DIFFERS


def test_a_function_that_does_not_come_back_is_not_tried_with_all_other_values(toy: Specification) -> None:
    calls = []

    def endless(x, gain):
        calls.append(gain)
        while True:
            pass

    mine = Implementation(SimpleNamespace(mean_square=endless), name="mine")
    (outcome,) = try_contract(CONTRACT, all_cases(toy, CONTRACT), mine, 0.2)
    assert outcome.difference is not None and outcome.difference.endless
    assert len(calls) == 3  # twice with other values, once with those of the case


def test_one_array_may_be_two_arguments(toy: Specification) -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    inputs = [Argument(name, "an array", "rows width") for name in ("x", "other")]
    contract = replace(CONTRACT, inputs=tuple(inputs), gradients=())
    case = Case(
        contract=contract.id, id="a", kind="ordinary", clause=1, catches="", inputs={"x": x, "other": x},
        outputs={"y": np.array([5.0, 25.0])}, tolerance={"float64": 1e-12},
    )  # fmt: skip
    by_identity = SimpleNamespace(mean_square=lambda x, other: (x * x).sum(-1) if x is not other else 0 * x[:, 0])
    (outcome,) = try_contract(contract, [case], Implementation(by_identity, name="mine"))
    assert outcome.status == DIFFERS


def test_negative_strides_may_be_refused_but_not_misread(toy: Specification) -> None:
    def refuses(x, gain):
        if any(step < 0 for step in x.strides):
            raise ValueError("negative strides are not supported")
        return right(x, gain)

    assert trial(toy, mean_square=refuses).status == PARTLY
    misread = lambda x, gain: right(x[::-1] if x.strides[0] < 0 else x, gain)  # noqa: E731
    assert trial(toy, mean_square=misread).status == DIFFERS


def test_an_answer_is_memory_of_its_own_unless_the_contract_allows_views(toy: Specification) -> None:
    both = Implementation(SimpleNamespace(first=lambda x: x[:, 0]), name="mine")
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    contract = Contract(
        id="toy.first", clauses=("The first column.",), inputs=CONTRACT.inputs[:1], outputs=CONTRACT.outputs
    )
    case = Case(
        contract="toy.first", id="a", kind="ordinary", clause=1, catches="",
        inputs={"x": x}, outputs={"y": x[:, 0]}, tolerance={"float64": 1e-12},
    )  # fmt: skip
    (outcome,) = try_contract(contract, [case], both)
    assert "it shares memory with the argument x" in outcome.difference.reason
    (outcome,) = try_contract(replace(contract, views=True), [case], both)
    assert outcome.status == PASS


CLIP = Contract(
    id="toy.scale", clauses=("Each is scaled.",), inputs=(Argument("x", "*batch", "arrays"),),
    outputs=(Argument("y", "*batch", "each, doubled"), Argument("count", None, "how many")),
)  # fmt: skip


def scaled(fault: str, double):
    """A function of a list of arrays, with a fault of its own."""

    def scale(x):
        y = [double(array) for array in x]
        if fault == "in place":
            x[1][0] = 7.0
        elif fault == "replaced":
            x[1] = y[1]
        elif fault == "shared":
            y[2] = x[2]
        elif fault == "order":
            y[0], y[1] = y[1], y[0]
        elif fault == "value":
            y[1] = y[1] + 0.5
        elif fault == "short":
            return y[:2], 3
        elif fault == "first":
            return y[0], 3
        return tuple(y), 3

    return scale


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("", None),
        ("in place", "it changed its argument x in place"),
        ("replaced", "it changed its argument x in place"),
        ("shared", "it shares memory with the argument x"),
        ("order", "y[0]: the shape is (3,) and must be (2, 2)"),
        ("value", "y[1]: 3 of 3 differ, the worst at batch 0: yours 2.5, golden 2"),
        ("short", "y: 2 items came back, and 3 must"),
        ("first", "y: a list is expected, and "),
    ],
)
@pytest.mark.parametrize("kind", ["numpy", "torch", "lists"])
def test_lists_of_arrays_go_in_and_come_back(kind: str, fault: str, words: str | None, tmp_path: Path) -> None:
    if kind == "lists" and fault not in ("", "in place", "short"):
        pytest.skip("lists share no memory and have no shapes")
    x = [np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0, 1.0]), np.array(0.0)]
    case = Case(
        contract="toy.scale", id="a", kind="ordinary", clause=1, catches="b", inputs={"x": x},
        outputs={"y": [2 * array for array in x[:2]] + [np.array(0.0)], "count": 3}, tolerance={"float64": 1e-12},
    )  # fmt: skip
    write_cases(tmp_path / "a.json", case.contract, [case])
    (case,) = read_cases(tmp_path / "a.json")

    def double(array):
        return [double(item) for item in array] if isinstance(array, list) else array * 2

    mine = Implementation(SimpleNamespace(scale=scaled(fault, double)), name="mine", arrays=kind)
    outcome = next(iter(try_contract(CLIP, [case], mine)))
    assert (outcome.status, outcome.dtype) == (DIFFERS if words or fault else PASS, "float64")
    if words is not None and kind != "lists":
        assert words in describe(outcome, CLIP.axes_of)


def test_a_list_of_one_array_is_a_list_and_has_other_values_too() -> None:
    from random import Random

    from llm_tokenizer.conformance.other_values import other_inputs

    x = [np.array([1.0, 2.0, 5.0])]
    case = Case(contract="toy.scale", id="a", kind="ordinary", clause=1, catches="", inputs={"x": x, "ids": [1, 2]})
    other = other_inputs(case, Random(1))["x"]
    assert other[0].shape == (3,) and not np.array_equal(other[0], x[0])
    assert compare("y", x, [x[0] + [0, 0, 1e-3]], tolerance=1e-9).index == (2,)
    assert deviation([x[0], x[0]], [x[0] + 5e-9, x[0]]) == pytest.approx(1e-9)
    assert case.has_floats and not replace(case, inputs={"ids": [1, 2]}).has_floats


@pytest.mark.parametrize(
    ("golden", "yours", "words"),
    [
        (np.array([True, False]), np.array([1.0, 0.0]), "floating numbers came back and truth values are expected"),
        (np.array([1, 2]), np.array([1.0, 2.0]), "floating numbers came back and whole numbers are expected"),
        (np.array([1.0]), np.array([1]), "whole numbers came back and floating numbers are expected"),
        (np.array([1], np.int8), np.array([1]), "int64 came back and int8 is expected"),
        (np.array([1], np.int8), [1], None),
        (np.array([1]), np.array([1], np.int32), None),
        (np.zeros(0, np.int64), [], None),
        (np.zeros(0, np.int64), np.zeros(0), "floating numbers came back and whole numbers are expected"),
        (2.0, 2, None),
        (2.0, True, "truth values came back and floating numbers are expected"),
    ],
)
def test_numbers_keep_their_kind(golden, yours, words) -> None:
    found = compare("y", golden, yours, tolerance=1e-12)
    assert (found.reason if found else None) == words


def test_fresh_cases_follow_from_their_seed_and_large_ones_from_their_rule(
    toy: Specification, tmp_path, capsys
) -> None:
    first, again, other = ([case.inputs["x"].tolist() for case in all_cases(toy, CONTRACT, seed=n)] for n in (1, 1, 2))
    assert first == again != other
    (tmp_path / "toy_package" / "spec" / "large.py").write_text(
        "from llm_tokenizer.conformance.large import LargeCases\n\nLARGE = LargeCases()\n\n\n"
        "@LARGE('toy.mean_square', 1, 'a table of 128 columns')\n"
        "def many_columns(g):\n    return {'x': g.normal(2, 300), 'gain': 2.0}\n"
    )
    generated_cases.cache_clear()
    case = next(case for case in all_cases(toy, CONTRACT) if case.id == "many_columns")
    assert (case.kind, case.inputs["x"].shape, case.gradients["x"].shape) == ("large", (2, 300), (2, 300))
    assert all(case.kind != "large" for case in all_cases(toy, CONTRACT, generated=False))
    small = Implementation(SimpleNamespace(mean_square=lambda x, gain: right(x[:, :128], gain)), name="mine")
    assert check_implementation(toy, small, generated=False).verdicts[0].status == PARTLY
    assert check_implementation(toy, small).verdicts[0].status == DIFFERS
    generated_cases.cache_clear()


def test_large_cases_are_joined_in_order_and_share_a_tolerance_and_a_name_makes_the_numbers() -> None:
    first, second = LargeCases(tolerance={"float64": 1e-3}), LargeCases()
    for name in ("a", "b"):
        first("toy.mean_square", 1, "", name)(lambda g: {"x": g.normal(2)})
    second("toy.other", 1, "", gradients=False)(lambda g: {"x": g.normal(2)})
    more = second.of("toy.mean_square")
    more(1, "", "c", tolerance={"exact": 1.0})(lambda g: {"x": g.normal(2)})
    joined = LargeCases(first, second)
    cases = [make() for make in joined["toy.mean_square"]]
    assert [(case.id, gradients) for case, gradients in cases] == [("a", True), ("b", True), ("c", True)]
    assert [dict(case.tolerance) for case, _ in cases] == [{"float64": 1e-3}] * 2 + [{"exact": 1.0}]
    assert [case.inputs["x"].tolist() for case, _ in cases] == [Generator(ord(id)).normal(2).tolist() for id in "abc"]
    case, gradients = joined["toy.other"][0]()
    assert (case.id, gradients) == ("<lambda>", False)
    assert len(first["toy.mean_square"]) == 2


def test_the_generator_never_changes() -> None:
    assert Generator(0).bits(2).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]  # of the published SplitMix64
    numbers = Generator(7).normal(1000)
    assert abs(numbers.mean()) < 0.1 and abs(numbers.std() - 1) < 0.1
    assert set(Generator(7).whole(1000, below=3).tolist()) == {0, 1, 2}


def test_the_mutation_score_counts_slips_and_planted_faults(toy: Specification) -> None:
    alike = "toy.mean_square: return gain * (x * x).sum(axis=-1) / x.shape[-1]: USub became UAdd"
    other = "toy.mean_square: return 2.0 * gain * dy[:, None] * x / x.shape[-1]: USub became UAdd"
    score = measure(toy, {alike: "two axes: the last is number 1", other: "two axes: the last is number 1"})
    assert score.slips == {CONTRACT.id: 3}
    assert score.planted[CONTRACT.id] >= 8
    assert score.equivalent == 3
    assert score.survivors == []
    assert score.refused == score.open_clauses == []
    assert score.accepted == 1


def test_weak_cases_let_faults_survive(toy: Specification) -> None:
    toy = replace(toy, contracts=(replace(CONTRACT, kept=("gain",)),))  # no case is made with another gain
    toy.cases[CONTRACT.id][:] = [
        replace(case, inputs={**case.inputs, "gain": 1.0}, outputs={"y": (case.inputs["x"] ** 2).mean(-1)},
                          upstream={}, gradients={})
        for case in toy.cases[CONTRACT.id]
    ]  # fmt: skip
    assert "toy.mean_square: the slip 'gain forgotten'" in measure(toy, {}).survivors


def test_a_declared_equivalent_that_no_fault_has_is_stale(toy: Specification) -> None:
    gone, caught = "toy.gone: no such contract", "toy.mean_square: no such fault"
    score = measure(toy, {gone: "", caught: ""})
    assert score.stale == [gone, caught]
    assert len(score.survivors) == 3
    assert measure(toy, {gone: "", caught: ""}, keyword="mean").stale == [caught]


@pytest.mark.parametrize("wrong", ["survivors", "stale", "refused", "open_clauses"])
def test_a_single_survivor_of_a_thousand_fails(toy: Specification, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setattr(proof.mutants, "chosen", lambda packages: [toy])
    monkeypatch.setattr(proof.mutants, "equivalents", lambda specification: {})
    score = proof.mutants.Score(planted={CONTRACT.id: 1000})
    monkeypatch.setattr(proof.mutants, "measure", lambda *given, **named: score)
    assert proof.mutants.main(["--sample", "0.1"]) == 0
    getattr(score, wrong).append("one")
    assert proof.mutants.main(["--sample", "0.1"]) == 1


def test_faults_leave_messages_and_docstrings_alone(toy: Specification) -> None:
    faults = list(plant(sys.modules[toy.reference.mean_square.__module__]))
    assert {fault.function for fault in faults} == {"mean_square", "mean_square_backward"}
    assert len({(fault.text, fault.words) for fault in faults}) >= 6


def test_the_command_says_what_to_do(toy: Specification, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nothing_yet.py").write_text("")
    (tmp_path / "wrong.py").write_text("def mean_square(x, gain):\n    return gain * (x * x).sum(axis=-1)\n")
    assert main(toy, ["nothing_yet"]) == 0
    printed = capsys.readouterr().out
    assert "nothing_yet has no function of any of these names yet, which is not a failure." in printed
    assert "for example mean_square(x, gain) -> y, and run this again; --list shows what there is to write." in printed
    assert "llm-toy spec 1.0: 0 of 1 contracts met" in printed
    assert main(toy, ["wrong.py", "--report", "report.json"]) == 1
    printed = capsys.readouterr().out
    assert "your values are those of a known mistake: summed, not averaged" in printed
    assert "llm-toy spec 1.0: 0 of 1" in printed
    assert json.loads((tmp_path / "report.json").read_text())["contracts"][0]["recognized"] == "summed, not averaged"
    assert main(toy, ["no_such_module"]) == 2
    assert "There is no module 'no_such_module'" in capsys.readouterr().err
    assert main(toy, ["-k", "mean squares"]) == 2
    assert "no contract has 'mean squares' in its id; the nearest: mean_square. --list shows all 1" in (
        capsys.readouterr().err
    )
    assert main(toy, ["--list"]) == 0
    assert "  mean_square(x, gain) -> y\n" in capsys.readouterr().out
    assert main(toy, ["--list", "-k", "square"]) == 0
    assert "    2. The mean is scaled by the gain.\n" in capsys.readouterr().out


def test_a_right_function_without_its_gradient_counts_as_passing(toy: Specification, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.py").write_text("def mean_square(x, gain):\n    return gain * (x * x).mean(axis=-1)\n")
    assert main(toy, ["half.py"]) == 0
    printed = capsys.readouterr().out
    assert "toy.mean_square  pass     not yet   pass     ·         pass" in printed
    assert "0 failing, 0 passing, 1 in part.\n1 without a gradient yet: write mean_square_backward(dy, x" in printed
    assert "llm-toy spec 1.0: 0 of 1 contracts met, 1 in part" in printed


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("def mean_sqaure(x, gain): pass", "mean_sqaure is no name of the specification; did you mean mean_square?"),
        ("def MeanSquare(x, gain): pass", "MeanSquare is no name of the specification; did you mean mean_square?"),
        ("class mean_square: pass", "mean_square is a class and must be a function"),
        ("mean_square = 1.5", "mean_square is a value of type float and must be a function"),
        ("def mean_square(x, gain): return gain * (x * x).mean(axis=-1)\ndef mean_square_backwards(dy, x, gain): pass",
         "mean_square_backwards is no name of the specification; did you mean mean_square_backward?"),
        ("from statistics import pstdev as mean_squared\ndef variance(x): pass", ""),
    ],
)  # fmt: skip
def test_what_was_meant_for_a_contract_is_named(toy: Specification, tmp_path, monkeypatch, capsys, code, hint) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "near.py").write_text(code)
    assert main(toy, ["near.py"]) == 0
    printed = capsys.readouterr().out
    assert f"\n{hint}\n" in printed if hint else "did you mean" not in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--report", "."], "--report must be the name of a file in a folder that exists, but was '.'"),
        (["--report", "nowhere/a.json"], "but was 'nowhere/a.json'"),
        (["--arrays", "lists"], "--arrays is for an implementation of yours"),
        (["report.json"], "'report.json' must be a module or a .py file"),
        (["empty_folder"], "'empty_folder' is a folder without code of its own"),
        (["."], "'.' must be a module or a .py file to be checked, and is a folder: name a .py file."),
        (["./empty_folder"], "'./empty_folder' must be a module or a .py file to be checked, and is a folder"),
    ],
)
def test_what_cannot_be_checked_or_written_is_said_at_once(toy, tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "empty_folder").mkdir()
    assert main(toy, arguments) == 2
    printed = capsys.readouterr()
    assert words in printed.err and not printed.out


def test_a_mistyped_flag_gets_the_nearest_one(toy: Specification, capsys) -> None:
    with pytest.raises(SystemExit):
        main(toy, ["--reprot", "a.json"])
    assert "there is no option '--reprot' (did you mean --report?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("contract", "told", "untold"),
    [
        (CONTRACT, "mean_square_backward(dy, x, gain) -> dx.", "No gradients"),
        (replace(CONTRACT, gradients=()), "No gradients of these functions are asked for.", "_backward"),
        (replace(CONTRACT, gradients=(), inputs=(), outputs=()), "and outputs are plain", "SPEC_ARRAYS = "),
    ],
)
def test_the_help_tells_of_arrays_and_gradients_only_where_there_are(toy, contract, told, untold, capsys) -> None:
    with pytest.raises(SystemExit):
        main(replace(toy, contracts=(contract,)), ["--help"])
    shown = capsys.readouterr().out
    assert told in shown and untold not in shown
    assert "my_code -k mean_square" in shown


@pytest.mark.parametrize(
    ("name", "code", "complaint"),
    [
        ("a", "x = 1\ndef f(:\n", ": error: a.py, line 2: invalid syntax: def f(:\n"),
        ("a", "if True:\nx = 1\n", ": error: a.py, line 2: expected an indented block"),
        ("a.py", "def f():\n    return 1 / 0\n\nf()\n",
         ": error: a.py cannot be imported, it raised ZeroDivisionError: division by zero\n  a.py, line 2: return 1"),
        ("a", "import json\n\njson.loads('[')\n", "  a.py, line 3: json.loads('[')\n"),
        ("a", "import no_such_thing\n",
         "it raised ModuleNotFoundError: No module named 'no_such_thing'\n  a.py, line 1: import no_such_thing\n"),
        ("a", "raise ValueError('of mine')\n", ": error: a cannot be imported, it raised ValueError: of mine\n  a.py"),
        ("a", "raise SystemExit\n", ": error: a cannot be imported, it raised SystemExit\n  a.py, line 1: raise"),
        ("a", "SPEC_ARRAYS = 'tensor'\n", "SPEC_ARRAYS must be one of"),
        ("a", "SPEC_ARRAYS = 'jax'\n", "error: a: asks for jax arrays (SPEC_ARRAYS or --arrays), but the package jax"),
    ],
)  # fmt: skip
def test_why_a_module_cannot_be_imported(toy, name, code, complaint, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    monkeypatch.delitem(sys.modules, "a", raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)  # as if it were not installed
    Path("a.py").write_text(code)
    assert main(toy, [name]) == 2
    shown = capsys.readouterr().err
    assert complaint in shown
    assert "Traceback" not in shown


def test_the_prose_of_a_contract_is_read_from_a_docstring() -> None:
    prose = read_prose(
        "Divide each vector\nby its root.\n\nFormula: y = x / r\n    r = √mean(x²)\n\nWhy it works:\n    It keeps\n"
        "    the direction.\n\nArgs:\n    x: vectors.\n\nSpec: toy.norm\nSource: Someone 2019,\n    a paper."
    )
    assert prose == Prose(
        summary="Divide each vector by its root.", formula="y = x / r\nr = √mean(x²)", why="It keeps the direction.",
        source="Someone 2019, a paper.",
    )  # fmt: skip
    with pytest.raises(LookupError, match="no function 'nothing' in llm_tokenizer names this contract"):
        find_prose("llm_tokenizer", "toy.nothing", "nothing")


def test_contracts_are_read_from_markdown(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "# Toys\n\nPage: explanation/norm\n\n## toy.norm\n\n- x `*batch d_model`: the vectors,\n  in rows\n"
        "- eps: a floor\n"
        "- returns y `()`: one value\n- gradients: x\n\n1. First\n   clause.\n2. Second.\n\nSummary: A toy.\n"
    )
    (contract,) = read_contracts(path)
    assert contract.signature == "norm(x, eps) -> y"
    assert contract.clauses == ("First clause.", "Second.")
    assert contract.inputs == (
        Argument("x", "*batch d_model", "the vectors, in rows"),
        Argument("eps", None, "a floor"),
    )
    assert (contract.outputs[0].axes, contract.gradients, contract.page) == ("", ("x",), "explanation/norm")
    path.write_text("## toy.norm\n\nsomething else\n")
    with pytest.raises(ValueError, match="'something else' is no argument, clause or named line"):
        read_contracts(path)


def test_near_names_are_offered_where_there_are_any(capsys) -> None:
    from llm_tokenizer.spec import SPECIFICATION

    contracts = SPECIFICATION.contracts
    wide = Specification(package="llm-toy", module="toy_package", version="1.0", contracts=contracts)
    assert main(wide, ["-k", "split_tex_"]) == 2
    assert "in its id; the nearest: split_text, split_special" in capsys.readouterr().err
    assert main(wide, ["-k", "zzz"]) == 2
    assert f"no contract has 'zzz' in its id. --list shows all {len(contracts)}" in capsys.readouterr().err


def test_a_failure_names_the_page(toy: Specification, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    paged = Specification(package="llm-toy", module="toy_package", version="1.0", arrays="numpy",
                          contracts=(replace(CONTRACT, page="explanation/norm"),))  # fmt: skip
    Path("wrong_page.py").write_text("def mean_square(x, gain):\n    return gain * (x * x).sum(axis=-1)\n")
    assert main(paged, ["wrong_page"]) == 1
    printed = capsys.readouterr().out
    assert "Read docs/explanation/norm.md in the project's documentation." in printed


def test_numbers_are_shown_before_nan() -> None:
    golden = np.array([1.0, 2.0, 3.0])
    found = compare("y", golden, np.array([np.nan, 2.5, 3.0]), tolerance=1e-9)
    assert (found.index, found.yours, found.wrong) == ((1,), 2.5, 2)
    assert found.reason == "nan in 1 of 3"
    assert found.deviation == np.inf
    alone = compare("y", golden, np.array([np.nan, 2.0, 3.0]), tolerance=1e-9)
    assert (alone.index, alone.reason) == ((0,), "")


def test_case_files_read_back_exactly(tmp_path: Path) -> None:
    numbers = np.array([[0.1, -np.inf], [1e-308, 1 / 3]])
    case = Case(contract="toy.mean_square", id="a", kind="edge", clause=1, catches="b",
                inputs={"x": numbers, "empty": np.zeros((0, 3)), "mask": np.array([True, False]), "raw": b"\xff\x00",
                        "ids": [1, 2], "text": "é", "nothing": None})  # fmt: skip
    write_cases(tmp_path / "a.json", case.contract, [case])
    (back,) = read_cases(tmp_path / "a.json")
    assert np.array_equal(back.inputs["x"], numbers)
    assert back.inputs["empty"].shape == (0, 3)
    assert back.inputs["mask"].dtype == bool
    assert {key: back.inputs[key] for key in ("raw", "ids", "text", "nothing")} == {
        "raw": b"\xff\x00", "ids": [1, 2], "text": "é", "nothing": None}  # fmt: skip


def test_deviation_is_measured_against_the_largest_golden() -> None:
    golden = np.array([1000.0, 1e-3])
    assert deviation(golden, golden + [0.0, 1e-6]) == pytest.approx(1e-9)
    assert compare("y", golden, golden + [0.0, 1e-6], tolerance=1e-8) is None
    assert compare("y", golden, np.array([np.nan, 1e-3]), tolerance=1.0) is not None
    assert compare("y", np.array([-np.inf, 1.0]), np.array([-np.inf, 1.0]), tolerance=0.0) is None
    assert compare("y", np.array([-np.inf, 1.0]), np.array([0.0, 1.0]), tolerance=1.0) is not None
    zero = compare("y", np.zeros(2), np.array([0.0, 1e-9]), tolerance=1e-12)
    assert zero is not None
    assert zero.index == (1,)


def test_exact_values_must_be_equal() -> None:
    assert compare("ids", [1, 2], (1, np.int64(2)), tolerance=1.0) is None
    found = compare("ids", [1, 2, 3], [1, 5], tolerance=1.0)
    assert found is not None
    assert "2 items came back and 3 are expected" in found.reason
    assert found.index == (1,)
    assert compare("ids", [1], [], tolerance=1.0) == Difference("ids", "0 items came back and 1 is expected")
    assert compare("ids", [1, 2], [1], tolerance=1.0) == Difference("ids", "1 item came back and 2 are expected")
    assert compare("flag", True, 1, tolerance=1.0) is not None
    assert compare("text", "é", "e\u0301", tolerance=1.0) is not None


@pytest.mark.parametrize(
    ("golden", "yours", "words"),
    [
        ([1, 2], {1: 2}, "a list is expected, and dict came back"),
        ([1, 2], Counter([1]), "a list is expected, and Counter came back"),
        (["a"], "a", "a list is expected, and str came back"),
        ("a", ["a"], "a text is expected, and list came back"),
        (b"a", "a", "bytes are expected, and str came back"),
    ],
)
def test_another_kind_of_value_is_told_by_its_name(golden: object, yours: object, words: str) -> None:
    assert compare("y", golden, yours, tolerance=1.0) == Difference("y", words, general=True)


def _printed(toy: Specification, tmp_path: Path, monkeypatch, capsys, code: str, status: int) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tried.py").write_text(code)
    assert main(toy, ["tried.py"]) == status
    return capsys.readouterr().out


def test_a_function_that_raises_is_not_said_to_ignore_its_arguments(toy, tmp_path, monkeypatch, capsys) -> None:
    printed = _printed(toy, tmp_path, monkeypatch, capsys, "def mean_square(x): return x", 1)
    assert "could not be tried" in printed and "does not depend on" not in printed and "differ." not in printed
    printed = _printed(toy, tmp_path, monkeypatch, capsys, "def mean_square(x, gain): return (x * x).mean(-1)", 1)
    assert "your answer does not depend on gain" in printed


def test_what_holds_for_every_function_is_not_said_to_break_a_clause(toy, tmp_path, monkeypatch, capsys) -> None:
    code = "def mean_square(x, gain):\n    x *= x\n    return gain * x.mean(axis=-1)\n"
    printed = _printed(toy, tmp_path, monkeypatch, capsys, code, 1)
    assert "breaks a rule that holds for every function:" in printed and "it changed its argument x in place" in printed
    assert "clause " not in printed and "would catch" not in printed
    printed = _printed(toy, tmp_path, monkeypatch, capsys, "def mean_square(x, gain): pass", 1)
    assert "an array is expected, and NoneType came back." in printed
    assert not any(words in printed for words in ("clause ", "would catch", "does not depend on"))


def test_only_code_for_numpy_is_asked_whether_it_wants_torch(toy: Specification) -> None:
    mine = SimpleNamespace(mean_square=lambda x, gain: x.numpy().mean(-1, keepdim=True))
    verdict = check_implementation(toy, Implementation(mine, name="mine", arrays="torch")).verdicts[0]
    reason = verdict.failures[0].difference.reason
    assert "argument 'keepdim'" in reason and "SPEC_ARRAYS" not in reason


def test_more_seconds_are_offered_where_a_call_does_not_come_back(toy, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("slow.py").write_text("def mean_square(x, gain):\n    while True:\n        pass\n")
    assert main(toy, ["slow.py", "--seconds", "0.2"]) == 1
    assert "--seconds allows a call more processor time than 0.2 seconds" in capsys.readouterr().out
    assert "--seconds" not in _printed(toy, tmp_path, monkeypatch, capsys, "def mean_square(x, gain): return x", 1)


def test_it_is_told_which_contract_is_checked_on_stderr_alone(toy, monkeypatch, capsys) -> None:
    monkeypatch.setattr(Progress, "__call__", Progress.show)
    assert main(toy, []) == 0
    printed = capsys.readouterr()
    assert printed.err == "python -m toy_package.spec: checking toy.mean_square, 1 of 1\n"
    assert "checking" not in printed.out


def test_cases_that_hold_floats_are_tried_in_float64_first() -> None:
    case = Case(contract="toy.f", id="a", kind="edge", clause=1, catches="", inputs={"x": np.zeros(2)})
    assert (case.dtype, replace(case, inputs={"x": [1]}).dtype) == ("float64", "exact")
