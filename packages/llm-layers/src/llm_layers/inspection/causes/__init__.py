"""Why two models part: guesses that predict what B would hold, each held against what it does hold.

| room | guesses about |
|---|---|
| `guess` | what a guess is, and when it counts |
| `weights` | a weight that was changed on its way through a file |
| `products`, `norms` | products with a weight, the head's among them; norms |
| `feed_forward`, `stream` | activations, gates and experts; the start of the stream, and what is added to it |
| `attention`, `attention_core` | heads, positions, masks, scores |
| `gradients` | a backward pass that does not fit its forward pass |
| `rounding` | numbers with fewer digits |
| `naming` | which of them to try where |
"""
