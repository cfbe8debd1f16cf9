"""The check of types and shapes at run time: beartype, for which a whole number is a number too (PEP 484)."""

from beartype import BeartypeConf, beartype

typecheck = beartype(conf=BeartypeConf(is_pep484_tower=True))
