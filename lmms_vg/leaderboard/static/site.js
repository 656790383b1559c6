// Sorting and filtering of tables, and the answer explorer. Without this script, every table can still be read.
// Texts of submissions reach the page as text only (textContent), and the state of the page is kept in its address.
"use strict";
(() => {
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  function remember(name, value) {
    if (value === (state.get(name) ?? "")) return; // an address that leads to a section stays as it is
    if (value) state.set(name, value); else state.delete(name);
    try { history.replaceState(null, "", `#${state}`); } catch { /* Safari allows a hundred in half a minute */ }
  }

  function make(tag, kind, text) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // Tables: rows are sorted within their part, so that published numbers never come between measured ones.

  const rowsOf = part => [...part.rows].filter(row => !row.classList.contains("kind"));
  const shownText = cell => (cell.firstChild ? cell.firstChild.textContent : "");

  function sortable(table) {
    const heads = all("thead th", table);
    const parts = all("tbody", table).map(body => ({ body, rows: rowsOf(body) }));
    const key = table.dataset.key;
    const ranks = find("small", heads[0]);

    function sort(column, order) {
      const sign = order === "ascending" ? 1 : -1;
      const text = heads[column].dataset.kind === "text";
      const value = cell => (text ? shownText(cell).toLowerCase() : parseFloat(cell.dataset.v ?? shownText(cell)));
      for (const { body, rows } of parts) {
        const keyed = rows.map((row, place) => {
          const cell = row.cells[column];
          return { row, place, value: value(cell), rank: parseInt(cell.dataset.r ?? "0", 10) };
        });
        keyed.sort((a, b) => {
          const none = Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value)); // no number: last, in either order
          if (none || Number.isNaN(a.value)) return none || a.place - b.place;
          if (a.value !== b.value) return a.value < b.value ? -sign : sign;
          return a.rank - b.rank || a.place - b.place;
        });
        body.append(...keyed.map(one => one.row));
      }
      heads.forEach((head, number) => {
        if (number === column) head.setAttribute("aria-sort", order); else head.removeAttribute("aria-sort");
      });
      if (!text && column > 2) showRanks(column);
    }

    function showRanks(column) {
      const cells = parts[0].rows.map(row => row.cells[column].dataset.r ?? "");
      parts[0].rows.forEach((row, place) => { row.cells[0].textContent = cells[place] && `${cells[place]} of ${heads[column].dataset.of}`; });
      const title = shownText(heads[column]);
      ranks.textContent = cells.some(Boolean) ? `by ${title}` : `${title} has none`;
    }

    heads.slice(1).forEach((head, number) => {
      const button = make("button", "", "");
      button.type = "button";
      button.append(head.firstChild);
      head.prepend(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const order = now === "ascending" ? "descending" : now === "descending" ? "ascending" : head.dataset.first;
        sort(number + 1, order);
        remember(key, `${number + 1}.${order}`);
      });
    });
    const [column, order] = (state.get(key) ?? "").split(".");
    if (heads[column] && column > 0 && ["ascending", "descending"].includes(order)) sort(Number(column), order);
  }

  function filter(tables) {
    const bar = find("#filter"), text = find("#text"), zeroShot = find("#zero-shot"), count = find("#count");
    const rows = tables.flatMap(table => all("tbody", table).flatMap(rowsOf))
      .map(row => ({ row, text: row.cells[1].textContent.toLowerCase(), trained: row.cells[3].textContent === "no" }));

    function apply() {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const one of rows) {
        const hidden = (zeroShot.checked && one.trained) || !words.every(word => one.text.includes(word));
        one.row.hidden = hidden;
        shown += Number(!hidden);
      }
      for (const folded of all("details.empty")) { // what is looked for is not left folded
        if (text.value.trim() && find("tbody tr:not(.kind):not([hidden])", folded)) folded.open = true;
      }
      const [some, every] = [shown, rows.length].map(number => number.toLocaleString("en"));
      count.textContent = `${some} of ${every} rows in ${tables.length} tables`;
      for (const link of all(".protocols a")) { // what is filtered stays filtered under another protocol
        const kept = new URLSearchParams([...state].filter(([name]) => name === "text" || name === "zeroshot"));
        link.hash = kept.size ? `#${kept}` : "";
      }
    }

    text.value = state.get("text") ?? "";
    zeroShot.checked = state.has("zeroshot");
    text.addEventListener("input", () => { remember("text", text.value.trim()); apply(); });
    zeroShot.addEventListener("change", () => { remember("zeroshot", zeroShot.checked ? "1" : ""); apply(); });
    bar.hidden = false;
    apply();
  }

  // The explorer: data files are scripts that call lmmsVg, since a page opened from disk may load scripts but not fetch.

  const PAGE = 50;
  const waiting = new Map(), loaded = new Map();
  window.lmmsVg = (key, rows) => waiting.get(key)?.(rows);

  function load(key) {
    if (!key) return Promise.resolve(null);
    if (!loaded.has(key)) {
      loaded.set(key, new Promise((resolve, reject) => {
        waiting.set(key, resolve);
        const script = make("script");
        script.src = `../data/${key}.js`;
        script.addEventListener("error", () => { loaded.delete(key); reject(new Error(`data/${key}.js could not be loaded`)); });
        document.head.append(script);
      }));
    }
    return loaded.get(key);
  }

  const VERDICTS = { // metric -> [name, what it is called, is it that?]; a value of null is a question without a score
    acc: [
      ["right", "right", one => one.value === 1],
      ["wrong", "wrong", one => one.value === 0 && one.extracted !== null],
      ["unreadable", "unreadable (counts as wrong)", one => one.value === 0 && one.extracted === null],
    ],
    open_recall: [
      ["whole", "has all words of the reference", one => one.value === 1],
      ["part", "has some", one => one.value > 0 && one.value < 1],
      ["none", "has none", one => one.value === 0],
    ],
    ar: [
      ["inside", "more attention inside the boxes than elsewhere", one => one.value > 1],
      ["outside", "no more inside than elsewhere", one => one.value !== null && one.value <= 1],
    ],
  };
  const UNSCORED = ["unscored", "without a score", one => one.value === null];
  const WORDS = { acc: ["won", "lost"], open_recall: ["more words", "fewer words"], ar: ["higher AR", "lower AR"] };
  const changes = metric => [
    ["won", WORDS[metric][0], one => one.value !== null && one.plain.value < one.value],
    ["lost", WORDS[metric][1], one => one.value !== null && one.plain.value > one.value],
  ];

  function verdict(metric, one) {
    if (one.value === null) return ["", one.error ? `No score: ${one.error}` : "No score here"];
    if (metric === "ar") return ["", `AR ${one.value.toFixed(2)}`];
    if (metric === "open_recall") return ["", `Recall ${one.value.toFixed(2)}`];
    if (one.value === 1) return ["right", "Right"];
    return ["wrong", one.extracted === null ? "Unreadable" : "Wrong"];
  }

  function said(metric, title, one) {
    const box = make("div", "said");
    const [kind, words] = verdict(metric, one);
    const head = box.appendChild(make("p", "", `${title}: `));
    head.append(make("span", `verdict ${kind}`, words));
    box.append(make("p", "", one.answer || "(no text)"));
    if (one.extracted !== null && one.extracted !== one.answer) box.append(make("p", "id", `read as: ${one.extracted}`));
    return box;
  }

  function item(metric, method, one) {
    const made = make("li");
    const [uid, question, options, reference, images] = one.question;
    const head = made.appendChild(make("p", "id", images ? `${uid}, image ${images}` : uid));
    const change = one.plain && changes(metric).find(([, , is]) => is(one));
    if (change) head.append(" ", make("b", change[0], change[1]));
    if (question === undefined) {
      made.append(make("p", "id", "Question, options and reference are not shown."));
    } else {
      made.append(make("p", "question", question));
      if (options.length) {
        const list = made.appendChild(make("ul", "options"));
        options.forEach((option, place) => {
          const letter = String.fromCharCode(65 + place);
          const entry = list.appendChild(make("li", "", `${letter}. ${option}`));
          if (letter === reference) entry.append(" ", make("b", "right", "(reference)"));
        });
      }
      if (!options.length && reference) made.append(make("p", "", `Reference: ${reference}`));
    }
    const pair = made.appendChild(make("div", "pair"));
    pair.append(said(metric, method, one));
    if (one.plain) pair.append(said(metric, "plain", one.plain));
    return made;
  }

  const answer = ([text, extracted, value, error]) => ({ answer: text, extracted, value, error });

  function explorer() {
    const task = find("#task"), show = find("#show"), search = find("#find"), list = find("#list"), found = find("#found");
    const pager = find("#pager"), back = find("#back"), next = find("#next"), method = list.dataset.method;
    let rows = [], kinds = [], page = 0, metric = "";

    async function open() {
      const chosen = task.selectedOptions[0];
      found.textContent = "Loading";
      list.replaceChildren();
      try {
        const { questions, answers, plain } = chosen.dataset;
        const [asked, given, before] = await Promise.all([load(questions), load(answers), load(plain)]);
        if (chosen !== task.selectedOptions[0]) return; // another was chosen meanwhile
        metric = chosen.dataset.metric;
        rows = given.map((one, place) =>
          ({ ...answer(one), question: asked[place], plain: before && answer(before[place]) }));
      } catch (problem) {
        found.textContent = problem.message;
        return;
      }
      for (const one of rows) {
        one.text = [...one.question.flat(), one.answer, one.plain ? one.plain.answer : ""].join("\n").toLowerCase();
      }
      kinds = [["all", "all", () => true], ...(VERDICTS[metric] ?? [])];
      if (rows.some(one => one.plain)) {
        kinds.push(...changes(metric).map(([name, words, is]) => [name, `against its plain run: ${words}`, is]));
      }
      if (rows.some(UNSCORED[2])) kinds.push(UNSCORED);
      show.replaceChildren(...kinds.map(([name, words, is]) => {
        const option = make("option", "", `${words} (${rows.filter(is).length.toLocaleString("en")})`);
        option.value = name;
        return option;
      }));
      show.value = kinds.some(([name]) => name === state.get("show")) ? state.get("show") : "all";
      draw();
    }

    function draw() {
      const is = kinds.find(([name]) => name === show.value)[2];
      const text = search.value.trim().toLowerCase();
      const chosen = rows.filter(one => is(one) && one.text.includes(text));
      const last = Math.max(0, Math.ceil(chosen.length / PAGE) - 1);
      page = Math.min(Math.max(page, 0), last);
      const first = page * PAGE;
      list.start = first + 1;
      list.replaceChildren(...chosen.slice(first, first + PAGE).map(one => item(metric, method, one)));
      const shown = `${(first + 1).toLocaleString("en")} to ${Math.min(first + PAGE, chosen.length).toLocaleString("en")}`;
      found.textContent = chosen.length ? `${shown} of ${chosen.length.toLocaleString("en")}` : "No answer fits";
      pager.hidden = last === 0;
      back.disabled = page === 0;
      next.disabled = page === last;
      remember("page", page ? String(page + 1) : "");
    }

    function turn(by) {
      page += by;
      draw();
      find("#answers").scrollIntoView();
    }

    const known = all("option", task).find(option => option.value === state.get("task"));
    if (known) known.selected = true;
    search.value = state.get("find") ?? "";
    page = Number(state.get("page") ?? 1) - 1 || 0;
    task.addEventListener("change", () => { page = 0; remember("task", task.value); open(); });
    show.addEventListener("change", () => { page = 0; remember("show", show.value === "all" ? "" : show.value); draw(); });
    search.addEventListener("input", () => { page = 0; remember("find", search.value.trim()); draw(); });
    back.addEventListener("click", () => turn(-1));
    next.addEventListener("click", () => turn(1));
    find("#explorer").hidden = false;
    open();
  }

  // A table that fits needs no word on how to scroll it; a link to a table that is folded opens it.

  function sayWhatScrolls() {
    for (const word of all(".wide")) {
      const box = word.nextElementSibling;
      word.hidden = box.scrollWidth <= box.clientWidth;
    }
  }

  function unfold() {
    const target = location.hash.length > 1 && !location.hash.includes("=") && document.getElementById(location.hash.slice(1));
    const folded = target && target.closest("details.empty");
    if (folded && !folded.open) {
      folded.open = true;
      target.scrollIntoView();
    }
  }

  const tables = all("table.sheet");
  tables.forEach(sortable);
  if (tables.length) filter(tables);
  sayWhatScrolls();
  window.addEventListener("resize", sayWhatScrolls);
  all("details.empty").forEach(one => one.addEventListener("toggle", sayWhatScrolls));
  unfold();
  window.addEventListener("hashchange", unfold);
  if (find("#explorer")) explorer();
})();
