"""What checks the specifications themselves, run from the root; in no wheel, since no user's code needs it.

goldens.py    recomputes every golden from its witnesses; tolerance.py: how near is near enough
mutants.py    plants faults, which must all be caught: faults.py, wrapped_faults.py
evidence.py   finds what each package brings, in proof/⟨package⟩/:
    witnesses     independent computations
    variants      correct code written otherwise, which must be accepted
    equivalents   planted faults that change no answer
"""
