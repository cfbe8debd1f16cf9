// Rotary positions once more, for the page where the hands can be rotated. These functions keep the contracts of
// llm-layers: a test puts them on trial in node, with the golden cases that every other implementation gets.
(() => {
  "use strict";

  const depth = (x) => (Array.isArray(x) ? 1 + (x.length ? depth(x[0]) : 0) : 0);

  // Radians per position, one frequency a pair.
  const inverseFrequencies = (width, base) => Array.from({ length: width / 2 }, (_, pair) => base ** ((-2 * pair) / width));

  // One vector; number k is paired with number k + half.
  function rotateVector(vector, position, base) {
    const half = vector.length / 2, rotated = [...vector];
    inverseFrequencies(vector.length, base).forEach((frequency, k) => {
      const cosine = Math.cos(position * frequency), sine = Math.sin(position * frequency);
      rotated[k] = vector[k] * cosine - vector[k + half] * sine;
      rotated[k + half] = vector[k + half] * cosine + vector[k] * sine;
    });
    return rotated;
  }

  // Any leading axes; positions broadcast against them from the right.
  function rotary(x, positions, base) {
    if (depth(x) <= 1) return rotateVector(x, positions, base);
    const shared = depth(positions) < depth(x) - 1;
    return x.map((rows, place) => rotary(rows, shared ? positions : positions[positions.length === 1 ? 0 : place], base));
  }

  // The dot product of a turned query with a rotated key, as one term a pair.
  function terms(query, key, queryPosition, keyPosition, base) {
    const q = rotateVector(query, queryPosition, base), k = rotateVector(key, keyPosition, base), half = q.length / 2;
    return Array.from({ length: half }, (_, pair) => q[pair] * k[pair] + q[pair + half] * k[pair + half]);
  }
  const score = (...inputs) => terms(...inputs).reduce((total, term) => total + term, 0);

  // A row of numbers for another count of pairs: what is missing is taken from the front again, half by half.
  function withPairs(vector, pairs) {
    const half = vector.length / 2, take = (start) => Array.from({ length: pairs }, (_, k) => vector[start + (k % half)]);
    return [...take(0), ...take(half)];
  }

  const offered = { inverseFrequencies, rotary, terms, score, withPairs };
  if (typeof module === "object") module.exports = offered;
  else globalThis.rotaryTurn = offered;
})();
