"use strict";
// Draws the plots when they come into view, in the page's own colours, and lets wheel, keys and buttons move time.
const specs = JSON.parse(document.getElementById("specs").textContent);
const drawn = new Map();
const ZOOM = 1.5;
const STEP = 0.2;

function coloured(spec, params) {
  const style = getComputedStyle(document.documentElement);
  const value = (param) => params[param.name] ?? (style.getPropertyValue("--" + param.name).trim() || param.value);
  return { ...spec, params: spec.params.map((param) => ("select" in param ? param : { ...param, value: value(param) })) };
}

function sized(spec, width) {
  const inner = Math.max(160, width - 84);  // what the axis and its title take
  const fit = (view) => ("width" in view ? { ...view, width: inner } : view);
  return spec.vconcat ? { ...spec, vconcat: spec.vconcat.map(fit) } : fit(spec);
}

function rows(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map((_, at) => Object.fromEntries(names.map((name) => [name, columns[name][at]])));
}

// The box keeps its own name and role, which say what the plot shows; a thousand marks would only be read out.
function inner(box) {
  if (!box.firstElementChild) box.append(document.createElement("div"));
  box.firstElementChild.setAttribute("aria-hidden", "true");
  return box.firstElementChild;
}

async function draw(box) {
  const data = JSON.parse(box.closest(".trial").querySelector("script.data").textContent)[box.dataset.set];
  const spec = sized(coloured(specs[box.dataset.plot], data.params), box.clientWidth);
  const before = drawn.get(box);
  drawn.set(box, { width: box.clientWidth, domain: before?.domain });
  const datasets = Object.fromEntries(Object.entries(data.data).map(([name, columns]) => [name, rows(columns)]));
  const made = await vegaEmbed(inner(box), { ...spec, datasets }, {
    actions: false, renderer: "svg", ast: true, defaultStyle: false,
    tooltip: { theme: "page", disableDefaultStyle: true },
  });
  before?.made?.finalize();
  drawn.get(box).made = made;
  if (box.dataset.plot === "time") timeAxis(box, made.view, data.params);
}

function timeAxis(box, view, home) {
  const state = drawn.get(box);
  const tools = box.parentElement.querySelector(".tools");
  const told = tools.querySelector("output");
  const full = [home.home_from, home.home_to];
  const tell = () => {
    const [from, to] = state.domain ?? full;
    box.dataset.from = from;
    box.dataset.to = to;
    told.textContent = `${from.toFixed(2)} s to ${to.toFixed(2)} s`.replaceAll("-", "\u2212");
  };
  view.addSignalListener("zoom_t", (_, domain) => { state.domain = domain ? [...domain] : null; tell(); });
  state.go = (domain) => view.signal("zoom_t", domain).runAsync();
  state.full = full;
  if (state.domain) state.go(state.domain);
  tools.hidden = false;
  tell();
}

const MOVES = {
  in: ([a, b]) => about(a, b, 1 / ZOOM, 0),
  out: ([a, b]) => about(a, b, ZOOM, 0),
  left: ([a, b]) => about(a, b, 1, -STEP),
  right: ([a, b]) => about(a, b, 1, STEP),
  reset: () => null,
};
const KEYS = { "+": "in", "=": "in", "-": "out", "_": "out", ArrowLeft: "left", ArrowRight: "right", "0": "reset", Home: "reset" };

function about(from, to, scale, shift) {
  const middle = (from + to) / 2 + shift * (to - from);
  const half = ((to - from) / 2) * scale;
  return [middle - half, middle + half];
}

function move(box, what) {
  const state = drawn.get(box);
  state?.go?.(MOVES[what](state.domain ?? state.full));
}

function listen(box) {
  // A page that zooms while it is scrolled is a trap: the wheel belongs to the page until the plot has the focus.
  const mine = (event) => box.contains(document.activeElement) || event.ctrlKey;
  box.addEventListener("wheel", (event) => { if (!mine(event)) event.stopPropagation(); }, { capture: true, passive: true });
  box.addEventListener("pointerdown", (event) => { if (event.pointerType !== "touch") box.focus({ preventScroll: true }); });
  box.addEventListener("keydown", (event) => {
    const what = event.ctrlKey || event.metaKey || event.altKey ? null : KEYS[event.key];
    if (what) { event.preventDefault(); move(box, what); }
  });
  for (const button of box.parentElement.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => move(box, button.dataset.do));
  }
}

function localTimes() {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of document.querySelectorAll("time")) time.textContent = format.format(new Date(time.dateTime));
}

const boxes = [...document.querySelectorAll(".canvas")];
const redraw = () => { for (const box of drawn.keys()) draw(box); };
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting && !drawn.has(target)) draw(target);
  }
}, { rootMargin: "300px" });
let later;
new ResizeObserver(() => {
  clearTimeout(later);
  later = setTimeout(() => { for (const [box, { width }] of drawn) if (box.clientWidth !== width) draw(box); }, 150);
}).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("beforeprint", () => { for (const box of boxes) if (!drawn.has(box)) draw(box); });
for (const box of boxes) {
  if (box.dataset.plot === "time") listen(box);
  seen.observe(box);
}
localTimes();
