"""Who else has computed the goldens: torch's own functions, and decimal numbers of 60 digits; one file a part.

A part that has no `TorchWitness` or no `DecimalWitness` is not computed by that one.
"""

from types import SimpleNamespace

from proof.evidence import Witness
from proof.llm_train import modules


def load(name: str) -> SimpleNamespace:
    """Return the functions of every part's class of that name in one namespace."""
    found = SimpleNamespace()
    for module in modules("witnesses"):
        for function, value in vars(getattr(module, name, SimpleNamespace())).items():
            if isinstance(value, staticmethod):
                setattr(found, function, value.__func__)
    return found


WITNESSES = (
    Witness("torch", lambda: load("TorchWitness"), arrays="torch"),
    Witness("decimals", lambda: load("DecimalWitness")),
)
