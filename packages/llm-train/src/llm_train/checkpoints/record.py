"""What a checkpoint holds, and under which names the weights of a model are stored."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from llm_layers.formats.huggingface.registry import architecture_of
from llm_layers.formats.huggingface.storage import folder_contents
from llm_layers.interface import LayersError
from llm_tokenizer import Tokenizer, TokenizerError, save_tokenizer
from llm_tokenizer.files.writing import write_json

PUBLIC, OWN, PARTS = "Hugging Face", "own", "own, in parts"
"""How weights are named: as public tools do; where those cannot express the model, as it does; and so in parts."""


class Stateful(Protocol):
    """Whatever the next update depends on: an optimizer, a loss scale, an average of the weights."""

    def state(self) -> dict[str, Tensor]:
        """Return it, by name; the names must not depend on threads or machines."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after a step; equal states lead to equal models."""

    step: int
    weights: Mapping[str, Tensor]
    """By the names of the model, whatever they are called in the file."""
    state: Mapping[str, Tensor]
    """Of the optimizer and the like: `optimizer.mean.blocks.0…`."""
    facts: Mapping[str, Any]
    """What JSON can hold: the recipe, the tokenizer's hash, seconds so far."""
    parts: Path | None = None
    """The folder of the tensors that each process still has to read its parts of."""


@dataclass(frozen=True)
class Layout:
    """How the weights of a model are named in a file, and the small files that make a folder a model folder."""

    names: str
    """`PUBLIC` or `OWN`."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    reason: str = ""
    """Why the names are not public."""
    model: Any = None
    """The model; its config decides the public names."""

    @classmethod
    def of(
        cls, model: nn.Module, tokenizer: Tokenizer | None = None, *, bos: int | None = None, eos: int | None = None
    ) -> "Layout":
        """Choose the public layout if the model can be expressed in it, else the model's own names.

        Args:
            model: a `Decoder` of llm-layers, or any other module.
            tokenizer: written beside the weights.
            bos: the id at which a text begins.
            eos: the id at which a text ends.
        """
        try:
            _, texts = folder_contents(model, bos_token_id=bos, eos_token_id=eos)  # type: ignore[arg-type]
        except LayersError as error:
            return cls(OWN, reason=str(error))
        with tempfile.TemporaryDirectory() as folder:
            for name, content in texts.items():
                write_json(Path(folder, name), content)
            try:
                if tokenizer is not None:
                    save_tokenizer(tokenizer, folder)
            except TokenizerError:  # one of another library, that has no such file: the weights can do without
                pass
            files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
        return cls(PUBLIC, files, model=model)

    def to_stored(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights by the names that they have in a file."""
        return architecture_of(self.model.config).to_public(weights) if self.names == PUBLIC else dict(weights)

    def from_stored(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a file by the names of the model."""
        if self.names == OWN:
            return dict(stored)
        names = [name for name, _ in self.model.named_parameters()]
        return architecture_of(self.model.config).from_public(stored, names)


def gather(parts: Mapping[str, Stateful]) -> dict[str, Tensor]:
    """Return the states of several parts, each under its name."""
    return {f"{part}.{name}": value for part, one in parts.items() for name, value in one.state().items()}


def restore(parts: Mapping[str, Stateful], state: Mapping[str, Tensor]) -> None:
    """Load the state of each part from those of all."""
    for part, one in parts.items():
        start = f"{part}."
        one.load_state({name[len(start) :]: value for name, value in state.items() if name.startswith(start)})
