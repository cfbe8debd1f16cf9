// The attention explorer: change a number of a query, a key or a value, and see it move through all five steps. The arithmetic
// is attention-steps.js; here it is only shown. What stands in the page already is for readers without scripts.
(() => {
  "use strict";
  const room = document.getElementById("attention-explorer");
  if (!room) return;
  const { steps, causalMask } = globalThis.attentionSteps;
  const examples = JSON.parse(room.querySelector("script").textContent);
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const named = (name, control) => make("label", {}, make("span", { className: "name", textContent: name }), control);
  const options = (pairs) => pairs.map(([value, textContent]) => make("option", { value, textContent }));
  const axis = (name) => make("span", { className: `axis axis-${name}`, textContent: name });
  const round = (number) => {
    if (!Number.isFinite(number)) return "−∞"; // a hidden score; nothing else is infinite
    const text = Math.abs(number) >= 1000 ? number.toPrecision(4) : `${+number.toFixed(2)}`;
    return text === "-0" ? "0" : text.replace("-", "−");
  };

  // The five steps: what is shown, its axes, and what happens there.
  const PANELS = [
    ["scores", "1 · Scores", ["query_position", "key_position"], "Each query times each key."],
    ["scaled", "2 · Scaled", ["query_position", "key_position"], "Divided by the root of d_head."],
    ["masked", "3 · Masked", ["query_position", "key_position"], "What may not be seen: −∞."],
    ["shares", "4 · Shares", ["query_position", "key_position"], "Softmax: each row adds up to 1."],
    ["mixed", "5 · Mixed", ["query_position", "d_head"], "The values, mixed by the shares."],
  ];
  const INPUTS = [["query", "query_position"], ["key", "key_position"], ["value", "key_position"]];

  const source = make("select", {}, ...options(examples.map(({ name }, place) => [place, name])));
  const seen = make("select", {}, ...options([["own", "as given"], ["none", "none"], ["causal", "causal"]]));
  const divide = make("select", {}, ...options([["yes", "by the root of d_head"], ["no", "not at all"]]));
  const from = make("select", {});
  const status = make("p", { role: "status" });
  const inputs = make("div", { className: "panels" }), shown = make("div", { className: "panels" });
  let example, numbers, cells, changed;

  function panel(title, axes, rows, note) {
    const shape = make("span", { className: "shape" }, axis(axes[0]), " ", axis(axes[1]));
    return make("section", {}, make("h4", { textContent: title }), shape,
      make("div", { className: "scroll" }, rows), make("p", { textContent: note }));
  }
  function table(rowNames, columnNames, cell, columns) {
    const head = make("tr", {}, make("th", {}), ...columnNames.map((name) => make("th", { textContent: name, scope: "col" })));
    const body = rowNames.map((name, i) => make("tr", {}, make("th", { textContent: name, scope: "row" }),
      ...Array.from({ length: columns }, (_, j) => cell(i, j))));
    return make("table", { className: "numbers" }, make("thead", {}, head), make("tbody", {}, ...body));
  }
  const counted = (length) => Array.from({ length }, (_, place) => `${place}`);

  // A fresh example: fields for what may be changed, cells for what follows from it.
  function load() {
    example = examples[source.value];
    numbers = structuredClone({ query: example.query, key: example.key, value: example.value });
    changed = new Set();
    const width = example.query[0].length;
    const names = { query_position: example.queries, key_position: example.keys, d_head: counted(width) };
    inputs.replaceChildren(...INPUTS.map(([what, axisName]) => {
      const field = (i, j) => make("td", {}, entry(what, i, j, names[axisName][i]));
      return panel(what[0].toUpperCase() + what.slice(1), [axisName, "d_head"],
        table(names[axisName], names.d_head, field, width), "");
    }));
    cells = {};
    shown.replaceChildren(...PANELS.map(([what, title, axes, note]) => {
      cells[what] = names[axes[0]].map(() => []);
      const cell = (i, j) => (cells[what][i][j] = make("td", {}));
      return panel(title, axes, table(names[axes[0]], names[axes[1]], cell, names[axes[1]].length), note);
    }));
    from.replaceChildren(...options(example.queries.map((name, place) => [place, `${place} · ${name}`])));
    from.value = example.from;
    for (const choice of [seen, divide]) choice.selectedIndex = 0;
    show(false);
  }
  function entry(what, i, j, name) {
    const field = make("input", { type: "number", step: 0.5, value: numbers[what][i][j] });
    field.setAttribute("aria-label", `${what} of ${name}, number ${j}`);
    field.oninput = () => {
      if (!Number.isFinite(field.valueAsNumber)) return; // half-written, like a lone minus
      numbers[what][i][j] = field.valueAsNumber;
      const same = field.valueAsNumber === example[what][i][j], place = `${what} ${i} ${j}`;
      field.classList.toggle("changed", !same);
      changed[same ? "delete" : "add"](place);
      show(true);
    };
    return field;
  }

  function maskNow() {
    if (seen.value === "own") return example.mask;
    return seen.value === "none" ? null : causalMask(counted(example.queries.length).map(Number), counted(example.keys.length).map(Number));
  }
  function show(mark) {
    const found = steps(numbers.query, numbers.key, numbers.value, maskNow(), divide.value === "yes");
    for (const [what] of PANELS) {
      const finite = found[what].flat().map(Math.abs).filter(Number.isFinite), largest = Math.max(...finite, 1e-9);
      cells[what].forEach((row, i) => row.forEach((cell, j) => paint(cell, found[what][i][j], largest, mark)));
    }
    for (const what of Object.keys(cells)) {
      cells[what].forEach((row, i) => row[0]?.parentNode.classList.toggle("chosen", i === +from.value));
    }
    status.textContent = sentence(found);
  }
  function paint(cell, number, largest, mark) {
    const text = round(number);
    cell.classList.toggle("moved", mark && cell.textContent !== text);
    cell.textContent = text;
    cell.classList.toggle("infinite", !Number.isFinite(number));
    cell.classList.toggle("positive", Number.isFinite(number) && number > 0);
    cell.classList.toggle("negative", Number.isFinite(number) && number < 0);
    cell.style.setProperty("--share", Math.min(1, Math.abs(number) / largest));
  }
  function sentence(found) {
    const row = found.shares[+from.value], name = example.queries[+from.value];
    const most = row.map((share, j) => [share, j]).filter(([share]) => share > 0).sort((a, b) => b[0] - a[0]).slice(0, 3);
    const parts = most.map(([share, j]) => `${Math.round(100 * share)} % from ${example.keys[j]}${example.words ? ` (${j})` : ""}`);
    const gathers = parts.length ? `gathers ${parts.join(", ")}` : "may see nothing and gets zeros";
    const [settings, plain] = [seen.selectedIndex + divide.selectedIndex, example.y !== null];
    const golden = plain && !changed.size && !settings
      ? ` These are golden numbers: the last step must give what the specification has, and ${agrees(found) ? "it does." : "it does NOT."}`
      : "";
    return `${example.words ? `Position ${from.value}, ${name},` : `Query ${name}`} ${gathers}.${golden}`;
  }
  const agrees = (found) =>
    found.mixed.every((row, i) => row.every((number, j) => Math.abs(number - example.y[i][j]) <= 1e-9 * (1 + Math.abs(number))));

  source.oninput = load;
  for (const control of [seen, divide, from]) control.oninput = () => show(control !== from);
  const reset = make("button", { type: "button", textContent: "As it was", onclick: load });
  const controls = (...children) => make("div", { className: "controls" }, ...children);
  room.replaceChildren(
    controls(named("Numbers", source), named("Mask", seen), named("Scores divided", divide), named("Look from", from), reset),
    inputs, status, shown,
  );
  load();
})();
