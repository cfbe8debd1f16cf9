"""Why two models differ: hypotheses that predict B's values, each compared with what B really has.

| module | holds |
|---|---|
| `hypothesis` | what a hypothesis is, and when it counts |
| `exchange` | run a part of A with one function exchanged for a slip of its contract |
| `parts`, `attention` | the parts of a model, and the settings that may be wrong in them |
| `weights`, `rounding` | a weight that was changed on its way through a file; values with fewer digits |
| `dispatch` | which of them to try where |
"""
