// The live tokenizer: type, and watch the merges of byte-pair encoding happen in order. The arithmetic is byte-pair.js;
// here it is only shown. What stands in the page already is for readers without scripts, and makes room for this.
(() => {
  "use strict";
  const room = document.getElementById("live-tokenizer");
  if (!room) return;
  const { PATTERNS, splitText, trainBpe, replay, decodeBpe } = globalThis.bytePair;
  const FEW = 40; // of one's own text; with more of them every piece ends as one token
  const shakespeare = JSON.parse(room.querySelector("script").textContent);
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const named = (name) => make("span", { className: "name", textContent: name });
  const field = (name, control) => make("label", {}, named(name), control);
  const shown = (name, element) => make("div", {}, named(name), element);
  const options = (pairs) => pairs.map(([value, textContent]) => make("option", { value, textContent }));
  const button = (textContent, onclick) => make("button", { type: "button", textContent, onclick });

  const text = make("textarea", { rows: 3, maxLength: 2000, spellcheck: false, value: room.dataset.text });
  const source = make("select", {}, ...options([["shakespeare", "Shakespeare’s plays"], ["own", "this very text"]]));
  const cut = make("select", {}, ...options(Object.keys(PATTERNS).map((name) => [name, name])));
  const known = make("input", { type: "number", min: 0, max: shakespeare.length, value: shakespeare.length });
  const slider = make("input", { type: "range", min: 0 });
  const play = button("Play", () => (timer ? stop() : start()));
  const status = make("p", { role: "status" }), row = make("p", { className: "tokens" }), ids = make("code", {});
  const order = make("ol", {});
  let merges, steps, timer, labels;

  function label(id) {
    if (!labels.has(id)) labels.set(id, name(id));
    return labels.get(id);
  }
  function name(id) {
    const bytes = Uint8Array.from(decodeBpe([id], merges));
    try {
      const characters = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      return characters.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥");
    } catch {
      return `⟨${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}⟩`;
    }
  }

  function tokenize() {
    stop();
    const pieces = splitText(text.value, cut.value);
    const wanted = Math.max(0, Math.min(shakespeare.length, Math.floor(known.value)));
    merges = source.value === "own" ? trainBpe(pieces, 256 + wanted) : shakespeare.slice(0, wanted);
    steps = replay(pieces, merges);
    labels = new Map();
    const item = ({ first }) => make("li", { textContent: merges[first].map(label).join(" + ") });
    order.replaceChildren(...steps.slice(1).map(item));
    slider.max = steps.length - 1; // before the value, which it limits
    slider.value = slider.max;
    show();
  }

  function show() {
    const { first, words } = steps[+slider.value], tokens = words.flat(), total = steps[0].words.flat().length;
    let tint = 0;
    const style = (id) => `token tint-${tint++ % 5}${id === 256 + first ? " made" : ""}`;
    const chip = (id) => make("span", { className: style(id), textContent: label(id), title: `id ${id}` });
    row.replaceChildren(...words.map((word) => make("span", { className: "piece" }, ...word.map(chip))));
    const did = first < 0 ? "bytes only" : `merge ${first} makes ${label(256 + first)}, id ${256 + first}`;
    status.textContent = `Step ${slider.value} of ${slider.max}: ${did}. ${total} bytes, ${tokens.length} tokens` +
      (tokens.length ? `, ${(total / tokens.length).toFixed(2)} bytes per token.` : ".");
    ids.textContent = tokens.join(" ");
    [...order.children].forEach((item, place) => item.classList.toggle("now", place === slider.value - 1));
  }

  function move(by) {
    slider.value = +slider.value + by;
    show();
    if (slider.value === slider.max) stop();
  }
  function step(by) {
    stop();
    move(by);
  }
  function start() {
    if (slider.value === slider.max) move(-steps.length);
    timer = setInterval(() => move(1), 450);
    play.textContent = "Pause";
  }
  function stop() {
    timer = clearInterval(timer);
    play.textContent = "Play";
  }

  for (const control of [text, cut, known]) control.oninput = tokenize;
  source.oninput = () => {
    known.value = source.value === "own" ? FEW : shakespeare.length;
    tokenize();
  };
  slider.oninput = () => step(0);
  const controls = (...children) => make("div", { className: "controls" }, ...children);
  room.replaceChildren(
    field("Text", text),
    controls(field("Merges learned from", source), field("At most", known), field("Cut like", cut)),
    controls(play, button("Back", () => step(-1)), button("On", () => step(1)), field("Step", slider)),
    status, row, shown("Ids", ids), shown("Merges in their order", order),
  );
  tokenize();
})();
