"""Ask the search of the built site for the field's words: the first hit must be the page that explains them.

`python docs/_build/search_check.py SITE` runs the site's own search worker in node. Without node it checks nothing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

FIRST_HITS = {
    "explanation/tokenizer/": ["tokenizer", "tokenization", "BPE", "byte-pair encoding"],
    "explanation/why-a-split-pattern/": ["pre-tokenization"],
    "explanation/vocabulary-size/": ["vocabulary size"],
    "explanation/embedding/": ["embedding", "weight tying", "tied embeddings"],
    "explanation/position/": ["RoPE", "rotary position embedding", "positional encoding", "YaRN"],
    "explanation/attention/": [
        "attention", "self-attention", "multi-head attention", "GQA", "grouped-query attention", "MQA", "causal mask",
        "sliding window",
    ],
    "tutorial/softmax/": ["softmax"],
    "explanation/cache/": ["KV cache", "key-value cache"],
    "explanation/norm/": ["RMSNorm", "LayerNorm", "normalization"],
    "explanation/feed_forward/": ["activation", "activation function", "SwiGLU", "GELU", "SiLU", "MLP", "feed-forward"],
    "explanation/experts/": ["mixture of experts", "MoE", "router"],
    "explanation/block/": ["transformer", "residual stream", "residual connection", "pre-norm"],
    "tutorial/model/": ["autoregressive", "decoder-only"],
    "explanation/families/": ["Llama", "Qwen", "Gemma"],
    "explanation/initialization/": ["initialization"],
    "explanation/dropout/": ["dropout"],
    "explanation/adapters/": ["LoRA", "fine-tuning"],
    "explanation/quantization/": ["quantization", "int8"],
    "explanation/linear/": ["linear layer"],
    "explanation/loss/": ["loss", "cross-entropy", "perplexity", "bits per byte", "label smoothing"],
    "explanation/optimization/": [
        "optimizer", "AdamW", "Adam", "Muon", "learning rate schedule", "gradient clipping", "weight decay", "warmup",
    ],
    "explanation/sampling/": ["sampling", "temperature", "top-k", "top-p", "nucleus sampling", "greedy decoding"],
    "how-to/use-gguf/": ["GGUF", "llama.cpp"],
    "how-to/load-in-transformers/": ["Hugging Face", "safetensors"],
    "how-to/see-inside/": ["logit lens", "interpretability"],
    "tutorial/special/": ["special token", "chat template"],
    "reference/glossary/": ["glossary", "golden", "slip", "witness", "contract", "case"],
}  # fmt: skip

# The worker answers messages: 0 sets it up, 2 asks. In a page the browser gives it these three functions.
_ASK = """
const fs = require("fs"), readline = fs.readFileSync(0, "utf-8"), {worker, index, words} = JSON.parse(readline);
const answers = []; let listen;
globalThis.self = globalThis;
globalThis.addEventListener = (_, listener) => { listen = listener };
globalThis.postMessage = message => answers.push(message);
(0, eval)(fs.readFileSync(worker, "utf-8"));
(async () => {
  await listen({data: {type: 0, data: {...JSON.parse(fs.readFileSync(index, "utf-8")), options: {suggest: false}}}});
  const first = {};
  for (const word of words) {
    await listen({data: {type: 2, data: word}});
    const pages = answers.at(-1).data.items.map(items => items[0].location.split("#")[0]);
    first[word] = pages.slice(0, 3);
  }
  console.log(JSON.stringify(first));
})();
"""


def first_hits(site: Path, words: list[str]) -> dict[str, list[str]]:
    """Return the first three pages that the site's search finds for each word."""
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.min.js")
    request = {"worker": str(worker), "index": str(site / "search" / "search_index.json"), "words": words}
    done = subprocess.run(["node", "-e", _ASK], input=json.dumps(request), capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def main() -> int:
    """Print every word whose first hit is another page."""
    if shutil.which("node") is None:
        print("No node found: the site's search was not asked.")
        return 0
    expected = {word: page for page, words in FIRST_HITS.items() for word in words}
    found = first_hits(Path(sys.argv[1]).resolve(), list(expected))
    wrong = [f"{word}: {found[word]} instead of {page}" for word, page in expected.items() if found[word][:1] != [page]]
    print("\n".join(wrong) if wrong else f"{len(expected)} words lead to the pages that explain them.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
