// Attention once more, step by step, for the page where its numbers can be moved. These functions keep the contracts of
// llm-layers: a test puts them on trial in node, with the golden cases that every other implementation gets.
// Arrays are nested lists; `null` as a mask hides nothing.
(() => {
  "use strict";

  const depth = (x) => (Array.isArray(x) ? 1 + (x.length ? depth(x[0]) : 0) : 0);
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const dot = (a, b) => sum(a.map((number, place) => number * b[place]));

  const scores = (query, key) => query.map((q) => key.map((k) => dot(q, k)));
  const scale = (rows, width) => rows.map((row) => row.map((score) => score / Math.sqrt(width)));
  const hide = (rows, mask) => rows.map((row, i) => row.map((score, j) => (!mask || mask[i][j] ? score : -Infinity)));

  // One row of scores as shares; zeros where nothing may be seen.
  function sharesOf(row) {
    const largest = Math.max(...row);
    if (largest === -Infinity) return row.map(() => 0);
    const raised = row.map((score) => Math.exp(score - largest)), total = sum(raised);
    return raised.map((one) => one / total);
  }
  const shares = (rows) => rows.map(sharesOf);
  const mix = (weights, value, width) =>
    weights.map((row) => Array.from({ length: width }, (_, place) => dot(row, value.map((v) => v[place]))));

  // All five states of one text, from the raw scores to what each position receives.
  function steps(query, key, value, mask, divided = true) {
    const width = query[0]?.length ?? 0, raw = scores(query, key), scaled = divided ? scale(raw, width) : raw;
    const hidden = hide(scaled, mask), weights = shares(hidden);
    return { scores: raw, scaled, masked: hidden, shares: weights, mixed: mix(weights, value, value[0]?.length ?? width) };
  }

  function attention(query, key, value, mask) {
    if (depth(query) <= 2 && depth(key) <= 2) return steps(query, key, value, mask).mixed;
    const own = (text) => (depth(mask) > 2 ? mask[text] : mask);
    return query.map((q, text) => attention(q, key[text], value[text], own(text)));
  }

  function softmax(rows, axis) {
    const axes = depth(rows), along = axis < 0 ? axes + axis : axis;
    if (along === axes - 1) return axes === 1 ? sharesOf(rows) : rows.map((row) => softmax(row, -1));
    if (along > 0) return rows.map((row) => softmax(row, along - 1));
    return turn(softmax(turn(rows), depth(rows) - 1)); // the first axis of rows becomes the last, and back again
  }
  // The first axis goes to the end. For two axes, which is all that the first axis of a case has, it undoes itself.
  const turn = (rows) => (rows.length ? rows[0].map((_, place) => rows.map((row) => row[place])) : rows);

  const causalMask = (queries, keys) =>
    depth(queries) > 1
      ? queries.map((row, text) => causalMask(row, keys[text]))
      : queries.map((query) => keys.map((key) => key <= query));

  const offered = { scores, scale, hide, shares, mix, steps, attention, softmax, causalMask };
  if (typeof module === "object") module.exports = offered;
  else globalThis.attentionSteps = offered;
})();
