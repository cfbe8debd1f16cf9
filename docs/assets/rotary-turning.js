// Rotary turning: a query and a key as hands of clocks, each pair of numbers at its own frequency. The arithmetic is
// rotary-turn.js; here it is only shown. What stands in the page already is for readers without scripts.
(() => {
  "use strict";
  const room = document.getElementById("rotary-turning");
  if (!room) return;
  const { inverseFrequencies, rotary, terms, score, withPairs } = globalThis.rotaryTurn;
  const examples = JSON.parse(room.querySelector("script").textContent);
  const FAR = 64, LONGEST = 256; // of the curve and of the text
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const draw = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const named = (name, control, axis) =>
    make("label", {}, make("span", { className: `name${axis ? ` axis axis-${axis}` : ""}`, textContent: name }), control);
  const options = (pairs) => pairs.map(([value, textContent]) => make("option", { value, textContent }));
  const number = (properties) => make("input", { type: "number", ...properties });
  const slider = (max) => make("input", { type: "range", min: 0, max, value: 0 });

  const source = make("select", {}, ...options(examples.map(({ name }, place) => [place, name])));
  const base = number({ min: 1.1, step: "any" }), pairs = number({ min: 1, max: 8 });
  const queryPlace = slider(LONGEST), keyPlace = slider(LONGEST), both = slider(LONGEST - FAR);
  const clocks = make("div", { className: "clocks" }), plot = make("div", {}), status = make("p", { role: "status" });
  const play = make("button", { type: "button", onclick: () => (timer ? stop() : start()) });
  let query, key, timer;

  function load() {
    const example = examples[source.value];
    base.value = example.base;
    pairs.value = example.query.length / 2;
    both.value = 0;
    [queryPlace.value, keyPlace.value] = [3, 0];
    reshape();
  }
  function reshape() {
    stop();
    const example = examples[source.value], count = Math.max(1, Math.min(8, Math.floor(+pairs.value) || 1));
    [query, key] = [withPairs(example.query, count), withPairs(example.key, count)];
    show();
  }
  const baseNow = () => Math.max(1.1, +base.value || 1.1);

  function show() {
    const m = +queryPlace.value, n = +keyPlace.value, half = query.length / 2;
    const frequencies = inverseFrequencies(query.length, baseNow()), parts = terms(query, key, m, n, baseNow());
    const hands = [rotary(query, m, baseNow()), rotary(key, n, baseNow())];
    const longest = Math.max(...hands.flatMap((hand) => frequencies.map((_, k) => Math.hypot(hand[k], hand[k + half]))), 1e-9);
    clocks.replaceChildren(...frequencies.map((frequency, k) => clock(k, frequency, parts[k], hands.map((hand) => [hand[k], hand[k + half]]), longest)));
    const total = score(query, key, m, n, baseNow());
    const sum = `${parts.map((part) => part.toFixed(2)).join(" + ")} = ${total.toFixed(3)}`.replace(/-/g, "−");
    status.textContent = `Query at ${m}, key at ${n}: distance ${m - n}. Dot product, pair by pair: ${sum}.`.replace("e -", "e −");
    plot.replaceChildren(curve(m - n, total));
    for (const [control, text] of [[queryPlace, `Query at ${m}`], [keyPlace, `Key at ${n}`], [both, "Move both together"]]) {
      control.previousSibling.textContent = text;
    }
  }

  function clock(k, frequency, part, hands, longest) {
    const around = (2 * Math.PI) / frequency;
    const dial = draw("svg", { viewBox: "-50 -50 100 100", role: "img", "aria-label": `pair ${k}, dot product ${part.toFixed(2)}`, class: "figure" },
      draw("circle", { class: "dial", r: 46 }));
    hands.forEach(([x, y], who) => {
      const [tipX, tipY] = [(44 * x) / longest, (-44 * y) / longest], style = who ? "key" : "query";
      dial.append(draw("path", { class: `hand ${style}`, d: `M0 0L${tipX.toFixed(2)} ${tipY.toFixed(2)}` }),
        draw("circle", { class: `dot ${style}`, cx: tipX.toFixed(2), cy: tipY.toFixed(2), r: who ? 3 : 4 }));
    });
    const every = around < 1000 ? around.toPrecision(3) : Math.round(around).toLocaleString("en");
    return make("div", {}, make("strong", { textContent: `Pair ${k}` }), dial,
      make("span", { textContent: `numbers ${k} and ${k + query.length / 2}` }),
      make("span", { textContent: `a rotation every ${every} positions` }));
  }

  // The dot product against the distance: the dot moves along it, and only when the distance changes.
  function curve(distance, total) {
    const span = Math.max(FAR, Math.abs(distance)), left = 44, right = 612, top = 16, bottom = 166;
    const at = (far) => score(query, key, Math.max(far, 0), Math.max(-far, 0), baseNow());
    const places = Array.from({ length: 2 * FAR + 1 }, (_, place) => ((place - FAR) * span) / FAR);
    const values = places.map(at), most = Math.max(...values.map(Math.abs), Math.abs(total), 1e-9);
    const x = (far) => left + ((far + span) / (2 * span)) * (right - left), y = (value) => (top + bottom) / 2 - (value / most) * ((bottom - top) / 2);
    const path = places.map((far, place) => `${place ? "L" : "M"}${x(far).toFixed(1)} ${y(values[place]).toFixed(1)}`).join("");
    const text = (words, places) => draw("text", { class: "tick", "text-anchor": "middle", ...places }, words);
    return draw("svg", { viewBox: "0 0 640 214", class: "figure chart", role: "img", "aria-label": `The dot product by distance; at ${distance} it is ${total.toFixed(3)}` },
      draw("path", { class: "grid", d: `M${left} ${y(0)}H${right}M${x(0)} ${top}V${bottom}` }),
      draw("path", { class: "curve curve-0", d: path }),
      draw("circle", { class: "now", cx: x(distance).toFixed(1), cy: y(total).toFixed(1), r: 5 }),
      text(`−${span}`, { x: left, y: 186 }), text("0", { x: x(0), y: 186 }), text(`${span}`, { x: right, y: 186 }),
      text("distance", { x: x(0), y: 208 }), text(most.toFixed(1), { x: 20, y: top + 5 }), text(`−${most.toFixed(1)}`, { x: 20, y: bottom + 5 }));
  }

  // Both go on by the same number of places, as far as the text reaches.
  function moveBoth(to) {
    const [m, n] = [+queryPlace.value, +keyPlace.value], far = m - n;
    const first = Math.max(0, Math.min(to, LONGEST - Math.abs(far)));
    [queryPlace.value, keyPlace.value] = far >= 0 ? [first + far, first] : [first, first - far];
    show();
  }
  function moveOne() {
    stop();
    both.value = Math.min(+queryPlace.value, +keyPlace.value);
    show();
  }
  function start() {
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (+both.value >= +both.max) return stop();
      both.value = +both.value + 1;
      moveBoth(+both.value);
    }, 120);
  }
  function stop() {
    timer = clearInterval(timer);
    play.textContent = "Play";
  }

  source.oninput = load;
  for (const control of [base, pairs]) control.oninput = reshape;
  for (const control of [queryPlace, keyPlace]) control.oninput = moveOne;
  both.oninput = () => (stop(), moveBoth(+both.value));
  const controls = (...children) => make("div", { className: "controls" }, ...children);
  room.replaceChildren(
    controls(named("Query and key from", source), named("Base", base), named("Pairs", pairs)),
    controls(named("", queryPlace, "query_position"), named("", keyPlace, "key_position")), controls(play, named("", both)),
    clocks, status, plot,
  );
  load();
})();
