/* `scores` holds three digits per showing, 0 where there is no score yet; the second showings follow the first ones. */
const SCALES = 3, NONE = "000";
let rater = "", key = "", order = [], scores = [], place = 0, scale = 0, rated = 0;

/* A twentieth of the questions comes twice: drawn from the first half of the order, shown again in its last quarter. */
function arranged(name) {
  const random = seeded(`${data.hash}/${data.seed}/${name}`);
  const n = data.cases.length;
  const first = shuffled(data.cases.keys(), random);
  const again = shuffled(first.slice(0, Math.floor(n / 2)), random).slice(0, data.repeats);
  const end = shuffled([...first.slice(Math.ceil(0.75 * n)), ...again.map((number) => n + number)], random);
  return [...first.slice(0, Math.ceil(0.75 * n)), ...end];
}

function start(name) {
  rater = name;
  key = `lmms-vg-rate/${data.hash}/${data.seed}/${rater}`;
  order = arranged(rater);
  const stored = kept(key), saved = /^[0-5]*$/.test(stored) ? stored : "";
  scores = Array.from({ length: 2 * data.cases.length }, (_, number) => saved.slice(3 * number, 3 * number + 3) || NONE);
  rated = order.filter(done).length;
  place = Math.max(0, order.findIndex((number) => !done(number)));
  $("start").hidden = true;
  $("work").hidden = false;
  document.body.classList.add("rating");
  go(0);
}

const done = (number) => !scores[number].includes("0");
const open = () => scores[order[place]].indexOf("0");

function show() {
  const number = order[place], one = data.cases[number % data.cases.length];
  const [, image, width, height, boxes, question, about] = one;
  $("question").textContent = question;
  $("about").textContent = about;
  $("missing").hidden = true;
  $("picture").setAttribute("viewBox", `0 0 ${width} ${height}`);
  set($("image"), { href: image, width, height });
  $("boxes").replaceChildren(...boxes.map(([x1, y1, x2, y2]) => {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    set(rect, { x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
    return rect;
  }));
  mark();
  for (const next of order.slice(place + 1, place + 3)) new Image().src = data.cases[next % data.cases.length][1];
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function mark() {
  const given = scores[order[place]];
  document.querySelectorAll(".scale").forEach((part, number) => {
    part.classList.toggle("current", number === scale);
    part.querySelectorAll("button").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.score === given[number]));
    });
  });
  const left = order.length - rated;
  $("progress").max = order.length;
  $("progress").value = rated;
  $("count").textContent = `${place + 1} of ${order.length}; ${rated} rated, ${left} left`
    + (left ? `, about ${hours(left)}` : ". Thank you: export your ratings now.");
  $("back").disabled = place === 0;
  $("next").disabled = place === order.length - 1;
}

function hours(showings) {
  const minutes = Math.ceil(showings * data.seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

function rate(number, score) {
  const showing = order[place], before = done(showing), given = [...scores[showing]];
  given[number] = score;
  scores[showing] = given.join("");
  keep(key, scores.join(""));
  rated += done(showing) - before;
  if (done(showing) && !before && place < order.length - 1) { go(1); return; }
  const next = Math.min(number + 1, SCALES - 1);
  scale = scores[showing][next] === "0" || done(showing) ? next : open();
  mark();
}

function go(step) {
  place = Math.min(Math.max(place + step, 0), order.length - 1);
  scale = Math.max(0, open());
  show();
}

function exported() {
  const n = data.cases.length;
  const ratings = [...order].sort((a, b) => a - b).filter(done).map((number) => ({
    question: data.cases[number % n][0], showing: number < n ? 1 : 2, scores: [...scores[number]].map(Number),
  }));
  return { format: data.format, data: data.hash, rater, seed: data.seed, questions: n, repeats: data.repeats, ratings };
}

$("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("rater").value.trim();
  if (name) start(name);
});
$("work").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-score]");
  if (button) { rate(Number(button.closest(".scale").dataset.number), button.dataset.score); button.blur(); }
});
$("back").addEventListener("click", () => go(-1));
$("next").addEventListener("click", () => go(1));
$("export").addEventListener("click", () => download(`ratings-${fileName(rater)}.json`, exported()));
$("image").addEventListener("error", () => { $("missing").hidden = false; });
document.addEventListener("keydown", (event) => {
  if (typing(event) || $("work").hidden) return;
  if (/^[1-5]$/.test(event.key)) rate(scale, event.key);
  else if (event.key === "ArrowLeft" || event.key === "Backspace") go(-1);
  else if (event.key === "ArrowRight") go(1);
  else if (event.key === "ArrowUp") { scale = Math.max(scale - 1, 0); mark(); }
  else if (event.key === "ArrowDown") { scale = Math.min(scale + 1, SCALES - 1); mark(); }
  else return;
  event.preventDefault();
});
document.documentElement.dataset.ready = "1";
