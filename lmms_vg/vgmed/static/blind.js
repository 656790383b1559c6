const NAMES = ["A", "B", "C"], TIE = "tie";
let rater = "", key = "", order = [], votes = {}, place = 0;

const current = () => data.cases[order[place]];
const sides = (one) => shuffled(one[2], seeded(`${data.study}/${rater}/${one[0]}`));

function start(name) {
  rater = name;
  key = `lmms-vg-blind/${data.study}/${rater}`;
  order = shuffled(data.cases.keys(), seeded(`${data.study}/${rater}`));
  const saved = kept(key);
  votes = saved && typeof saved === "object" ? saved : {};
  place = Math.max(0, order.findIndex((number) => !(votes[data.cases[number][0]] || {}).choice));
  $("start").hidden = true;
  $("work").hidden = false;
  document.body.classList.add("rating");
  show();
}

function show() {
  const one = current(), shown = sides(one);
  $("missing").hidden = true;
  $("question").textContent = one[1];
  $("image").src = `images/${one[0]}.png`;
  document.querySelectorAll(".map img").forEach((image, side) => { image.src = `images/${shown[side]}.png`; });
  $("comment").value = (votes[one[0]] || {}).comment || "";
  mark();
}

function mark() {
  const one = current(), shown = sides(one), { choice } = votes[one[0]] || {};
  document.querySelectorAll("button[data-side]").forEach((button) => {
    const value = button.dataset.side === TIE ? TIE : shown[Number(button.dataset.side)];
    button.setAttribute("aria-pressed", String(value === choice));
  });
  const done = data.cases.filter(([id]) => (votes[id] || {}).choice).length;
  $("progress").max = order.length;
  $("progress").value = done;
  $("count").textContent = `${place + 1} of ${order.length}; ${done} answered`
    + (done === order.length ? ". Thank you: export your votes now." : "");
  $("back").disabled = place === 0;
  $("next").disabled = place === order.length - 1;
}

function change(part) {
  const id = current()[0];
  votes[id] = { ...votes[id], ...part };
  keep(key, votes);
  mark();
}

const vote = (side) => change({ choice: side === TIE ? TIE : sides(current())[Number(side)] });

function go(step) {
  place = Math.min(Math.max(place + step, 0), order.length - 1);
  show();
}

function exported() {
  const given = data.cases.filter(([id]) => (votes[id] || {}).choice).map((one) => ({
    case: one[0], choice: votes[one[0]].choice, order: sides(one), comment: votes[one[0]].comment || "",
  }));
  return { format: data.format, study: data.study, rater, votes: given };
}

$("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("rater").value.trim();
  if (name) start(name);
});
$("work").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-side]");
  if (button) { vote(button.dataset.side); button.blur(); }
});
$("comment").addEventListener("input", () => change({ comment: $("comment").value.slice(0, 1000) }));
$("back").addEventListener("click", () => go(-1));
$("next").addEventListener("click", () => go(1));
$("export").addEventListener("click", () => download(`votes-${fileName(rater)}.json`, exported()));
$("work").addEventListener("error", () => { $("missing").hidden = false; }, true);
document.addEventListener("keydown", (event) => {
  if (typing(event) || $("work").hidden) return;
  const side = NAMES.indexOf(event.key.toUpperCase());
  if (side >= 0 && side < current()[2].length) vote(side);
  else if (event.key === "=" || event.key === "0") vote(TIE);
  else if (event.key === "ArrowLeft") go(-1);
  else if (event.key === "ArrowRight" || event.key === "Enter") go(1);
  else return;
  event.preventDefault();
});
document.documentElement.dataset.ready = "1";
