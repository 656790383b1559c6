// The gallery: filters, layers, two sides, keyboard. Texts of data sets and models reach the page as text only (textContent),
// and the state of the page is kept in its address.
"use strict";
(() => {
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const text = id => document.getElementById(id)?.textContent ?? "";
  const data = JSON.parse(text("data"));
  const { sides, rows, samples } = data;
  const lut = ReportMaps.colours(data.levels);
  const layers = [...new Set(sides.flatMap(side => side.kept))].sort((a, b) => a - b);
  const several = sides.length > 1;

  // State: every control has a name, a default and a place in the address.

  const DEFAULTS = {
    task: "", modality: "", size: "", right: "", changes: "", excess: "", sort: "", text: "",
    a: "0", b: several ? "1" : "", layer: String(sides[0]?.layer ?? 0), own: "1", box: "1", map: "1", hidden: "1", open: "",
  };
  const state = { ...DEFAULTS };
  const tables = {};

  function readAddress() {
    const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const name of Object.keys(DEFAULTS)) state[name] = given.get(name) ?? DEFAULTS[name];
    for (const [name, value] of given) if (!(name in DEFAULTS)) tables[name] = value;
  }

  function writeAddress() {
    const kept = new URLSearchParams(tables);
    for (const [name, value] of Object.entries(state)) if (value !== DEFAULTS[name]) kept.set(name, value);
    try { history.replaceState(null, "", `#${kept}`); } catch { /* Safari allows a hundred in half a minute */ }
  }

  function make(tag, kind, words) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (words !== undefined) made.textContent = words;
    return made;
  }

  function saying(tag, kind, words) { // a text of somebody else's: its direction is its own
    const made = make(tag, kind, words);
    made.dir = "auto";
    return made;
  }

  // Columns of all questions, and what the filters ask of them.

  const columns = { sides: [] };
  const UNKNOWN = -32768;
  const thousandth = value => (value === UNKNOWN ? NaN : value / 1000);

  async function unpackColumns() {
    const unpack = ReportMaps.column;
    [columns.task, columns.modality, columns.share] =
      await Promise.all([unpack(Uint16Array, rows.task), unpack(Uint16Array, rows.modality), unpack(Int16Array, rows.share)]);
    columns.sides = await Promise.all(rows.sides.map(async side => {
      const [excess, placement, right, changes] = await Promise.all([
        unpack(Int16Array, side.excess), unpack(Int16Array, side.placement), unpack(Int8Array, side.right), unpack(Int8Array, side.changes)]);
      return { excess, placement, right, changes, fifths: fifths(excess) };
    }));
  }

  // Task -> what the lowest and the highest fifth of the excess begin at.
  function fifths(excess) {
    return rows.tasks.map((_, task) => {
      const known = excess.filter((value, row) => value !== UNKNOWN && columns.task[row] === task).sort();
      return [known[Math.floor((known.length - 1) / 5)], known[Math.ceil((known.length - 1) * 4 / 5)]];
    });
  }

  const SIZES = [["under 1% of the image", 0, 0.01], ["1 to 5%", 0.01, 0.05], ["5 to 10%", 0.05, 0.1], ["10 to 30%", 0.1, 0.3], ["over 30%", 0.3, 9]];
  const a = () => columns.sides[Number(state.a)];
  const b = () => columns.sides[Number(state.b)];
  const CHOICES = {
    size: SIZES.map(([words, low, high], place) => [String(place), words, row => {
      const share = thousandth(columns.share[row]);
      return share >= low && share < high;
    }]),
    right: [
      ["right", "right (left model)", row => a().right[row] === 1],
      ["wrong", "wrong (left model)", row => a().right[row] === 0],
      ["won", "wrong left, right at right", row => a().right[row] === 0 && b()?.right[row] === 1],
      ["lost", "right left, wrong at right", row => a().right[row] === 1 && b()?.right[row] === 0],
    ],
    changes: [
      ["yes", "answer changes", row => a().changes[row] === 1],
      ["no", "answer stays", row => a().changes[row] === 0],
    ],
    excess: [
      ["best", "best fifth of its task", row => known(row) && a().excess[row] >= a().fifths[columns.task[row]][1]],
      ["worst", "worst fifth of its task", row => known(row) && a().excess[row] <= a().fifths[columns.task[row]][0]],
      ["above", "more than other images", row => known(row) && a().excess[row] > 0],
      ["below", "no more than other images", row => known(row) && a().excess[row] <= 0],
    ],
  };
  const known = row => a().excess[row] !== UNKNOWN;

  function conditions() {
    const asked = [];
    for (const name of ["task", "modality"]) {
      const code = rows[name === "task" ? "tasks" : "modalities"].indexOf(state[name]);
      if (state[name]) asked.push(row => columns[name][row] === code);
    }
    for (const [name, choices] of Object.entries(CHOICES)) {
      const chosen = choices.find(([value]) => value === state[name]);
      if (chosen) asked.push(chosen[2]);
    }
    return asked;
  }

  const difference = row => thousandth(b()?.excess[row] ?? UNKNOWN) - thousandth(a().excess[row]);
  const ORDERS = [
    ["", "as drawn", null],
    ["best", "looks best (left model)", row => -thousandth(a().excess[row])],
    ["worst", "looks worst (left model)", row => thousandth(a().excess[row])],
    ["gain", "right looks better than left", row => -difference(row)],
    ["loss", "right looks worse than left", row => difference(row)],
    ["small", "smallest boxes", row => thousandth(columns.share[row])],
    ["large", "largest boxes", row => -thousandth(columns.share[row])],
  ];

  function ordered(cards) {
    const key = ORDERS.find(([value]) => value === state.sort)?.[2];
    if (!key) return cards;
    const keyed = cards.map((card, place) => ({ card, place, value: key(card.sample.row) }));
    keyed.sort((one, other) => Number(Number.isNaN(one.value)) - Number(Number.isNaN(other.value))
      || (one.value - other.value || 0) || one.place - other.place);
    return keyed.map(one => one.card);
  }

  // Cards: texts and numbers at once, pictures and maps when they are nearly in sight.

  const shownSides = () => [...new Set([state.a, state.b])].filter(place => place !== "" && sides[place]).map(Number);
  const nearest = (kept, layer) => kept.reduce((best, one) => (Math.abs(one - layer) < Math.abs(best - layer) ? one : best));
  const layerOf = side => (state.own ? sides[side].layer : nearest(sides[side].kept, Number(state.layer)));
  const number = (value, digits = 2) => (value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits));
  const times = excess => (excess === null || excess === undefined || Number.isNaN(excess) ? "–" : `${Math.exp(excess).toFixed(2)}×`);
  const compared = excess => (times(excess) === "–" ? "too few other images" : `${times(excess)} other images`);
  const count = value => value.toLocaleString("en");

  function build(sample, place) {
    const root = make("article", "card"), row = sample.row;
    const about = [rows.tasks[columns.task[row]], rows.modalities[columns.modality[row]], sample.label,
      `box ${(100 * thousandth(columns.share[row])).toFixed(1)}% of the image`].filter(Boolean);
    const head = root.appendChild(make("header"));
    head.append(saying("h3", "question", sample.question), saying("p", "about", about.join(" · ")), saying("p", "id", `${sample.uid} (${sample.source})`));
    const pair = root.appendChild(make("div", "pair"));
    if (sample.why) root.append(saying("p", "why", sample.why));
    if (sample.reference) root.append(saying("p", "reference", `Reference: ${sample.reference}`));
    const enlarge = root.appendChild(make("button", "enlarge", "Enlarge"));
    enlarge.type = "button";
    root.tabIndex = enlarge.tabIndex = -1;
    const card = { sample, place, root, pair, enlarge, figures: [], loaded: null };
    card.words = [sample.question, sample.reference, sample.label, sample.uid, sample.source, ...about,
      ...sample.looks.map(look => look?.answer ?? "")].join("\n").toLowerCase();
    enlarge.addEventListener("click", () => toggleOpen(card));
    root.addEventListener("focusin", () => setCurrent(card));
    root.card = card;
    return card;
  }

  function verdict(row, side) {
    const { right, changes } = columns.sides[side], said = [];
    if (right[row] >= 0) said.push(make("span", right[row] ? "right" : "wrong", right[row] ? "✓ right" : "✗ wrong"));
    if (changes[row] >= 0) said.push(make("span", "changes", changes[row] ? "changes if the box is hidden" : "stays if the box is hidden"));
    return said;
  }

  function fill(card) { // figures of the chosen sides
    card.figures = shownSides().map(side => {
      const figure = make("figure"), look = card.sample.looks[side];
      figure.append(saying("figcaption", "", sides[side].name));
      const canvas = figure.appendChild(make("canvas"));
      canvas.setAttribute("role", "img");
      canvas.width = card.sample.w;
      canvas.height = card.sample.h;
      const values = figure.appendChild(make("p", "values"));
      if (look && !look.place) figure.append(make("p", "why", "No map is drawn: where this map lies on the image is not known."));
      figure.append(saying("p", "answer", look ? look.answer || "(no text)" : "No map of this question."));
      const said = verdict(card.sample.row, side);
      if (said.length) figure.appendChild(make("p", "said")).append(...said);
      const strip = figure.appendChild(make("div", "strip"));
      return { side, look, figure, canvas, values, strip };
    });
    card.pair.classList.toggle("two", card.figures.length > 1);
    card.pair.replaceChildren(...card.figures.map(one => one.figure));
    describe(card);
  }

  function describe(card) {
    for (const { side, look, canvas, values } of card.figures) {
      const layer = layerOf(side);
      const words = look ? [`layer ${layer}`, compared(look.excess[layer]), `AR ${number(look.ar[layer])}`,
        `KL ${number(look.kl[layer])}`, `placement ${number(look.placement[layer])}`] : [];
      values.replaceChildren(...words.map((word, place) => make(place === 1 ? "b" : "span", "", word)));
      canvas.setAttribute("aria-label", `${sides[side].name}, ${words.join(", ") || "no map"}`);
    }
  }

  async function load(card) {
    const { sample, place } = card;
    const picture = text(`i${place}`);
    const [image, ...maps] = await Promise.all([
      picture ? ReportMaps.picture(picture).catch(() => null) : null,
      ...sides.map((_, side) => (ReportMaps.able && sample.looks[side] ? ReportMaps.inflate(text(`m${place}-${side}`)) : null)),
    ]);
    return { image, maps };
  }

  function levelsAt(loaded, look, side, layer) {
    const patches = look.grid[0] * look.grid[1], start = sides[side].kept.indexOf(layer) * patches;
    return loaded.maps[side]?.subarray(start, start + patches);
  }

  function scene(card, loaded, look, side, layer) {
    const { w, h, boxes } = card.sample;
    return { w, h, image: loaded.image, lut, levels: state.map && look ? levelsAt(loaded, look, side, layer) : null,
      grid: look?.grid, place: look?.place, boxes: state.box ? boxes : null, hidden: state.hidden };
  }

  async function draw(card) {
    const loading = card.loading ??= load(card);
    const loaded = await loading;
    if (card.loading !== loading) return; // out of sight again
    for (const { side, look, canvas, strip } of card.figures) {
      ReportMaps.paint(canvas, scene(card, loaded, look, side, layerOf(side)), (canvas.clientWidth || 336) * devicePixelRatio);
      if (state.open === key(card)) drawStrip(card, loaded, look, side, strip); else strip.replaceChildren();
    }
    card.root.classList.add("drawn");
  }

  function drawStrip(card, loaded, look, side, strip) {
    strip.replaceChildren(...(look ? sides[side].kept : []).map(layer => {
      const button = make("button", layer === layerOf(side) ? "now" : "");
      button.type = "button";
      const canvas = button.appendChild(make("canvas"));
      ReportMaps.paint(canvas, scene(card, loaded, look, side, layer), 90 * devicePixelRatio);
      button.append(make("span", "", `${layer}: ${times(look.excess[layer])}`));
      button.setAttribute("aria-label", `layer ${layer}, ${compared(look.excess[layer])}`);
      button.addEventListener("click", () => set({ layer: String(layer), own: "" }));
      return button;
    }));
  }

  function release(card) {
    card.loading?.then(loaded => loaded.image?.close());
    card.loading = null;
    for (const { canvas, strip } of card.figures) {
      canvas.width = card.sample.w; // forgets its pixels, and keeps its shape
      strip.replaceChildren();
    }
    card.root.classList.remove("drawn");
  }

  const seen = new Set();
  const watcher = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) { seen.add(target.card); draw(target.card); } else if (seen.delete(target.card)) release(target.card);
    }
  }, { rootMargin: "300px" });

  // The page.

  const holder = find("#cards");
  let cards = [], fitting = [], current = null;
  let answered = false, hidden = false; // whether any question tells
  const key = card => String(card.place);

  function setCurrent(card) {
    if (current === card) return;
    if (current) current.root.tabIndex = current.enlarge.tabIndex = -1;
    current = card;
    if (current) current.root.tabIndex = current.enlarge.tabIndex = 0;
  }

  function apply() { // after a filter or the order has changed
    const asked = conditions(), words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    fitting = ordered(cards.filter(card => asked.every(is => is(card.sample.row)) && words.every(word => card.words.includes(word))));
    for (const card of cards) watcher.unobserve(card.root);
    for (const card of seen) release(card);
    seen.clear();
    holder.replaceChildren(...fitting.map(card => card.root));
    for (const card of fitting) watcher.observe(card.root);
    setCurrent(fitting.includes(current) ? current : fitting[0] ?? null);
    find("#found").textContent = `${count(fitting.length)} of ${count(cards.length)} drawn questions fit.`;
    countAll(asked);
  }

  // All asked questions that fit, drawn or not, so that the gallery is not taken for the whole.
  function countAll(asked) {
    const chosen = [];
    for (let row = 0; row < rows.n; row++) if (asked.every(is => is(row))) chosen.push(row);
    const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    table.createCaption().textContent = `All ${count(chosen.length)} of ${count(rows.n)} asked questions that fit the lists above`
      + `${state.text ? " (the text is looked for among the drawn ones only)" : ""}: means at each model's own layer, without intervals`;
    const heads = ["model", "layer", "times other images", "n", "placement", "n", ...(answered ? ["right", "n"] : []), ...(hidden ? ["changes if hidden", "n"] : [])];
    for (const name of heads) head.append(make("th", name === "model" ? "" : "number", name));
    shownSides().forEach(side => {
      const line = body.insertRow(), { excess, placement, right, changes } = columns.sides[side];
      const mean = (values, unknown) => {
        const there = chosen.filter(row => values[row] !== unknown);
        return [there.length ? there.reduce((sum, row) => sum + values[row], 0) / there.length : NaN, count(there.length)];
      };
      const [more, moreN] = mean(excess, UNKNOWN), [place, placeN] = mean(placement, UNKNOWN), [good, goodN] = mean(right, -1), [flip, flipN] = mean(changes, -1);
      line.append(saying("td", "", sides[side].name), make("td", "number", String(sides[side].layer)));
      const words = [times(more / 1000), moreN, number(place / 1000), placeN, ...(answered ? [number(good), goodN] : []), ...(hidden ? [number(flip), flipN] : [])];
      for (const word of words) line.append(make("td", "number", word));
    });
    find("#all").replaceChildren(table);
  }

  function showLayers() { // beside the slider
    const values = shownSides().map(layerOf);
    find("#layer-name").textContent = values.join(" | ");
    const lines = data.means.filter(one => shownSides().includes(one.side) && (!state.task || one.task === state.task));
    find("#means").replaceChildren(...lines.slice(0, 8).map(one => {
      const layer = layerOf(one.side);
      return saying("li", "", `${sides[one.side].name}, ${one.task}, layer ${layer}: ${compared(one.excess[layer])}, `
        + `AR ${number(one.ar[layer])}, KL ${number(one.kl[layer])}, placement ${number(one.placement[layer])} (means of ${count(one.n)} questions)`);
    }));
  }

  const FILTERS = ["task", "modality", "size", "right", "changes", "excess", "sort", "text"];

  function set(changed) {
    const before = { ...state };
    Object.assign(state, changed);
    writeAddress();
    show(Object.keys(state).filter(name => state[name] !== before[name]));
  }

  function show(names) {
    for (const name of names) {
      const control = find(`#tools [name="${name}"]`);
      if (!control) continue;
      if (control.type === "checkbox") control.checked = state[name] === "1";
      else if (name === "layer") control.value = String(Math.max(0, layers.indexOf(nearest(layers, Number(state.layer)))));
      else if (control !== document.activeElement || control.type !== "search") control.value = state[name];
    }
    const refill = names.includes("a") || names.includes("b");
    if (refill) cards.forEach(fill); else if (names.includes("layer") || names.includes("own")) cards.forEach(describe);
    if (refill || names.some(name => FILTERS.includes(name))) apply();
    if (names.includes("open")) showOpen();
    showLayers();
    for (const card of seen) draw(card);
  }

  function showOpen() {
    for (const card of cards) {
      const open = state.open === key(card);
      card.root.classList.toggle("open", open);
      card.enlarge.textContent = open ? "Shrink" : "Enlarge";
      card.enlarge.setAttribute("aria-expanded", String(open));
    }
  }

  function toggleOpen(card) {
    set({ open: state.open === key(card) ? "" : key(card) });
    card.root.scrollIntoView({ block: "nearest" });
    card.root.focus({ preventScroll: true });
  }

  function step(by) {
    const next = fitting[fitting.indexOf(current) + by];
    if (!next) return;
    if (state.open !== "") set({ open: key(next) });
    setCurrent(next);
    next.root.focus({ preventScroll: true });
    next.root.scrollIntoView({ block: "nearest" });
  }

  function stepLayer(by) {
    const now = layers.indexOf(nearest(layers, state.own ? layerOf(shownSides()[0]) : Number(state.layer)));
    set({ layer: String(layers[Math.min(Math.max(now + by, 0), layers.length - 1)]), own: "" });
  }

  const flip = name => set({ [name]: state[name] ? "" : "1" });
  const swap = () => { if (state.b) set({ a: state.b, b: state.a }); };
  const IN_CARD = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowUp: () => stepLayer(1), ArrowDown: () => stepLayer(-1),
    Escape: () => set({ open: "" }),
  };
  const ANYWHERE = {
    b: () => flip("box"), m: () => flip("map"), h: () => flip("hidden"), x: swap,
    "/": () => find("#tools [name=text]").focus(), "?": () => { const keys = find("#keys"); keys.open = !keys.open; },
  };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const card = event.target.closest(".card");
    const enter = event.key === "Enter" && event.target.classList.contains("card") ? () => toggleOpen(card.card) : null;
    const action = (card && IN_CARD[event.key]) || enter || ANYWHERE[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  async function print() { // pictures are unpacked in time only when they are asked for
    await Promise.all(fitting.slice(0, 60).map(card => { seen.add(card); return draw(card); }));
    window.print();
  }

  // Controls.

  function options(name, choices) {
    const select = find(`#tools [name="${name}"]`);
    select.replaceChildren(...choices.map(([value, words]) => {
      const option = make("option", "", words);
      option.value = value;
      return option;
    }));
    if (choices.length < 2) select.closest("label").hidden = true;
  }

  function controls() {
    const any = [["", "all"]];
    options("task", [...any, ...rows.tasks.map(name => [name, name])]);
    options("modality", [...any, ...rows.modalities.map(name => [name, name])]);
    options("size", [...any, ...CHOICES.size]);
    [answered, hidden] = ["right", "changes"].map(name => columns.sides.some(side => side[name].some(value => value >= 0)));
    options("right", [...any, ...(answered ? CHOICES.right.slice(0, several ? 4 : 2) : [])]);
    options("changes", [...any, ...(hidden ? CHOICES.changes : [])]);
    options("excess", [...any, ...CHOICES.excess]);
    options("sort", ORDERS.filter(([value]) => several || !["gain", "loss"].includes(value)));
    options("a", sides.map((side, place) => [String(place), side.name]));
    options("b", several ? [["", "none"], ...sides.map((side, place) => [String(place), side.name])] : []);
    find("#swap").hidden = !several;
    find("#tools [name=layer]").max = String(layers.length - 1);
    find("#filters").addEventListener("submit", event => event.preventDefault());
    for (const control of all("#tools [name]")) {
      control.addEventListener(control.type === "range" || control.type === "search" ? "input" : "change", () => {
        if (control.type === "checkbox") set({ [control.name]: control.checked ? "1" : "" });
        else if (control.name === "layer") set({ layer: String(layers[Number(control.value)]), own: "" });
        else set({ [control.name]: control.value });
      });
    }
    find("#swap").addEventListener("click", swap);
    find("#print").addEventListener("click", print);
    document.addEventListener("keydown", pressed);
    addEventListener("hashchange", () => { readAddress(); validate(); show(Object.keys(state)); });
  }

  function validate() { // what an old or mistyped address asks for and is not there
    for (const name of Object.keys(DEFAULTS)) {
      const control = find(`#tools [name="${name}"]`);
      if (control?.tagName === "SELECT" && !all("option", control).some(option => option.value === state[name])) state[name] = DEFAULTS[name];
    }
    if (!Number.isFinite(Number(state.layer))) state.layer = DEFAULTS.layer;
  }

  async function start() {
    readAddress();
    for (const table of all("table.sortable")) {
      ReportTables.sortable(table, tables[table.dataset.key], (name, value) => { tables[name] = value; writeAddress(); });
    }
    if (!ReportMaps.able) {
      find("#problem").textContent = "This browser cannot unpack the gallery: it has no DecompressionStream. Chrome and Edge have it "
        + "from version 80 on, Safari from 16.4, Firefox from 113. Everything above can be read without it.";
      find("#problem").hidden = false;
      return;
    }
    if (!samples.length) {
      find("#problem").textContent = "No question was drawn, so there is nothing to show here.";
      find("#problem").hidden = false;
      return;
    }
    await unpackColumns();
    cards = samples.map(build);
    controls();
    validate();
    find("#tools").hidden = false;
    show(["a", ...Object.keys(state)]);
    document.body.dataset.ready = "1";
  }

  start();
})();
