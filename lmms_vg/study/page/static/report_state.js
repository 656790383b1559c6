// What the page knows and shows: the questions as columns, the state of all controls, and what each filter asks of a question.
"use strict";
const ReportState = (() => {
  const text = id => document.getElementById(id)?.textContent ?? "";
  const data = JSON.parse(text("data"));
  const { sides, rows, samples } = data;
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

  const shownSides = () => [...new Set([state.a, state.b])].filter(place => place !== "" && sides[place]).map(Number);
  const nearest = (kept, layer) => kept.reduce((best, one) => (Math.abs(one - layer) < Math.abs(best - layer) ? one : best));
  const layerOf = side => (state.own ? sides[side].layer : nearest(sides[side].kept, Number(state.layer)));

  return { text, data, sides, rows, samples, layers, several, DEFAULTS, state, tables, readAddress, writeAddress, columns, UNKNOWN,
    thousandth, unpackColumns, CHOICES, conditions, ORDERS, ordered, shownSides, nearest, layerOf };
})();
