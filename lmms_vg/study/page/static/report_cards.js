// Cards of the gallery: texts and numbers at once, pictures and maps when they are nearly in sight. Texts of data sets and
// models reach the page as text only (textContent).
"use strict";
const ReportCards = (() => {
  const { text, data, sides, rows, state, columns, thousandth, shownSides, layerOf } = ReportState;
  const lut = ReportMaps.colours(data.levels);
  const on = { open: () => {}, current: () => {}, layer: () => {} }; // what the page does when a card asks for it

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

  const number = (value, digits = 2) => (value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits));
  const times = excess => (excess === null || excess === undefined || Number.isNaN(excess) ? "–" : `${Math.exp(excess).toFixed(2)}×`);
  const compared = excess => (times(excess) === "–" ? "too few other images" : `${times(excess)} other images`);
  const count = value => value.toLocaleString("en");

  const key = card => String(card.place);

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
    enlarge.addEventListener("click", () => on.open(card));
    root.addEventListener("focusin", () => on.current(card));
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
      button.addEventListener("click", () => on.layer(layer));
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

  return { on, make, saying, number, times, compared, count, key, build, fill, describe, draw, release };
})();
