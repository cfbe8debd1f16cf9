// Byte-pair encoding once more, for the page where merges can be watched. These functions keep the contracts of
// llm-tokenizer: a test puts them on trial in node, with the cases that every other implementation gets.
(() => {
  "use strict";

  const SPACE = String.raw`\p{White_Space}`; // \s of this language is another set: it knows U+FEFF and not U+0085
  const ENDING = "'(?:[sdmt]|ll|ve|re)";
  const ANY_CASE = "'(?:[sSſdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])";
  const LEAD = String.raw`[^\r\n\p{L}\p{N}]?`;
  const OTHERS = String.raw` ?[^${SPACE}\p{L}\p{N}]+`;
  const LINES = String.raw`${SPACE}*[\r\n]+`;
  const SPACES = String.raw`${SPACE}+(?!\P{White_Space})|${SPACE}+`;
  const LARGE = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
  const SMALL = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
  const newer = (number, ...more) =>
    [ANY_CASE, LEAD + String.raw`\p{L}+`, number, OTHERS + String.raw`[\r\n]*`, ...more, LINES, SPACES];
  const PATTERNS = {
    gpt2: [ENDING, String.raw` ?\p{L}+| ?\p{N}+`, OTHERS, SPACES],
    cl100k: newer(String.raw`\p{N}{1,3}`, `${SPACE}+$`),
    o200k: [`${LEAD}${LARGE}*${SMALL}+(?:${ANY_CASE})?`, `${LEAD}${LARGE}+${SMALL}*(?:${ANY_CASE})?`,
      String.raw`\p{N}{1,3}`, OTHERS + String.raw`[\r\n/]*`, LINES, SPACES],
    llama3: newer(String.raw`\p{N}{1,3}`),
    qwen2: newer(String.raw`\p{N}`),
    smollm: [ENDING, String.raw` ?\p{L}+|\p{N}`, OTHERS, String.raw`${SPACE}+(?![^${SPACE}\p{N}])|${SPACE}+`],
  };

  function byteToUnicode() {
    let moved = 256;
    const visible = (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(visible(byte) ? byte : moved++));
  }

  function splitText(text, pattern) {
    if (!Object.hasOwn(PATTERNS, pattern)) throw new RangeError(`pattern: must be one of ${Object.keys(PATTERNS)}`);
    return text.match(new RegExp(PATTERNS[pattern].join("|"), "gu")) ?? [];
  }

  const bytesOf = (piece) => [...new TextEncoder().encode(piece)];
  const code = (left, right) => left * 2 ** 24 + right; // a pair as one number, smaller for the pair that comes first

  function merge(word, [left, right], made) {
    const merged = [];
    for (let place = 0; place < word.length; place++) {
      const found = word[place] === left && word[place + 1] === right;
      merged.push(found ? made : word[place]);
      if (found) place++;
    }
    return merged;
  }

  function trainBpe(pieces, vocabSize) {
    if (vocabSize < 256) throw new RangeError("vocab_size: must be at least 256");
    const table = byteToUnicode();
    const inLine = (id) => (id < 256 ? table[id].codePointAt(0) : 1000 + id);
    const merges = [];
    for (let words = pieces.map(bytesOf); 256 + merges.length < vocabSize; ) {
      const counts = new Map();
      for (const word of words) {
        for (let place = 1; place < word.length; place++) {
          const pair = [word[place - 1], word[place]], key = code(...pair.map(inLine));
          counts.set(key, { pair, key, count: (counts.get(key)?.count ?? 0) + 1 });
        }
      }
      if (!counts.size) break;
      const best = [...counts.values()].reduce((a, b) => (b.count - a.count || a.key - b.key) > 0 ? b : a);
      words = words.map((word) => merge(word, best.pair, 256 + merges.length));
      merges.push(best.pair);
    }
    return merges;
  }

  // All states of the pieces, from bytes to the end; `first` is the merge that led to a state.
  function replay(pieces, merges) {
    const rank = new Map(merges.map(([left, right], number) => [code(left, right), number]).reverse());
    const steps = [{ first: -1, words: pieces.map(bytesOf) }];
    for (;;) {
      const { words } = steps.at(-1);
      let first = Infinity;
      for (const word of words) {
        for (let place = 1; place < word.length; place++) {
          first = Math.min(first, rank.get(code(word[place - 1], word[place])) ?? Infinity);
        }
      }
      if (first === Infinity) return steps;
      steps.push({ first, words: words.map((word) => merge(word, merges[first], 256 + first)) });
    }
  }

  const encodeBpe = (pieces, merges) => replay(pieces, merges).at(-1).words.flat();

  function decodeBpe(ids, merges) {
    const tokens = Array.from({ length: 256 }, (_, byte) => [byte]);
    for (const [left, right] of merges) tokens.push([...tokens[left], ...tokens[right]]);
    return ids.flatMap((id) => {
      if (!tokens[id]) throw new RangeError(`ids: must be from 0 to ${tokens.length - 1}, was ${id}`);
      return tokens[id];
    });
  }

  const offered = { PATTERNS, byteToUnicode, splitText, merge, trainBpe, replay, encodeBpe, decodeBpe };
  if (typeof module === "object") module.exports = offered;
  else globalThis.bytePair = offered;
})();
