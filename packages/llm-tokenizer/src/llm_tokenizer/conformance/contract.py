"""A contract says what a function must be: its name, inputs, outputs and numbered clauses.

It holds no code and no values. The values are in its cases (`case.py`), the code is what is checked
(`implementation.py`), and the words are in the docstring of our own function (`prose.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from llm_tokenizer.conformance.prose import Prose


@dataclass(frozen=True)
class Argument:
    """One input or output of a contract.

    `axes` names the axes of an array, for instance `"*batch d_model"`; `None` marks a plain value
    (a number, a text, a list of ids).
    """

    name: str
    axes: str | None
    about: str


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What a function must be.

    Args:
        id: `package.name`; an implementation offers a function called `name`.
        clauses: What must hold, numbered from 1; every case serves one of them.
        inputs: In the order in which the function takes them.
        outputs: In the order in which it returns them.
        gradients: The inputs whose gradient is pinned too.
        analytic: Whether the forward is analytic, so that the complex step may witness its gradient.
        page: The page of the documentation to read after a failure.
        function: Whose docstring says the rest (see `prose.py`); left out: that of the contract's name.
        prose: What it would say, where no docstring is about this contract alone.
    """

    id: str
    clauses: tuple[str, ...]
    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    gradients: tuple[str, ...] = ()
    analytic: bool = True
    page: str = ""
    function: str = ""
    prose: Prose | None = None

    def __post_init__(self) -> None:
        if self.id.count(".") != 1:
            raise ValueError(f"Contract id {self.id!r} must be `package.name`.")
        names = [argument.name for argument in self.inputs]
        for name in self.gradients:
            if name not in names:
                raise ValueError(f"{self.id}: the gradient of {name!r} is pinned, but it is no input ({names}).")

    @property
    def name(self) -> str:
        """The name that an implementation gives its function."""
        return self.id.split(".")[1]

    @property
    def backward_name(self) -> str:
        """The name of the hand-written gradient, for arrays that cannot differentiate by themselves."""
        return f"{self.name}_backward"

    @property
    def signature(self) -> str:
        """`rms_norm(x, gain, eps) -> y`."""
        inputs = ", ".join(argument.name for argument in self.inputs)
        outputs = ", ".join(argument.name for argument in self.outputs)
        return f"{self.name}({inputs}) -> {outputs}"

    @property
    def backward_signature(self) -> str:
        """`rms_norm_backward(dy, x, gain, eps) -> dx, dgain`."""
        upstream = [f"d{argument.name}" for argument in self.outputs]
        inputs = [argument.name for argument in self.inputs]
        gradients = ", ".join(f"d{name}" for name in self.gradients)
        return f"{self.backward_name}({', '.join(upstream + inputs)}) -> {gradients}"

    def axes_of(self, name: str) -> str | None:
        """The axes of an input, an output, or (they are the same) of its gradient."""
        for argument in (*self.outputs, *self.inputs):
            if argument.name == name:
                return argument.axes
        return None
