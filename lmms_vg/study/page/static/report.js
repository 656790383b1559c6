// The gallery: filters, layers, two sides, keyboard; its state is kept in the address.
"use strict";
(() => {
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const { data, sides, rows, samples, layers, several, DEFAULTS, state, tables, readAddress, writeAddress, columns, UNKNOWN,
    unpackColumns, CHOICES, conditions, ORDERS, ordered, shownSides, nearest, layerOf } = ReportState;
  const { on, make, saying, number, times, compared, count, key, build, fill, describe, draw, release } = ReportCards;

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
    Object.assign(on, { open: toggleOpen, current: setCurrent, layer: layer => set({ layer: String(layer), own: "" }) });
    readAddress();
    for (const table of all("table.sortable")) {
      ReportTables.sortable(table, tables[table.dataset.key], (name, value) => { tables[name] = value; writeAddress(); });
    }
    ReportTables.sayWhatScrolls();
    addEventListener("resize", ReportTables.sayWhatScrolls);
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
