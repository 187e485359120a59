// The table of a board, sorted, searched and filtered by condition, and its charts. The page is whole without it.
"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const table = document.getElementById("board");
const rows = [...table.tBodies[0].rows];
const heads = [...table.tHead.rows[0].cells];
const search = document.getElementById("search");
const filters = [...document.querySelectorAll("select[data-condition]")];
const status = document.getElementById("status");
const scores = read("scores");
const views = {};
let shownPoints = null;

for (const cell of table.querySelectorAll("td[data-metric]")) {
  cell.original = { text: cell.textContent, value: cell.dataset.value };
}

// --- sorting

function sort(column, direction) {
  heads.forEach((head, n) => head.setAttribute("aria-sort", n === column ? direction : "none"));
  const sign = direction === "ascending" ? 1 : -1;
  const key = (row) => {
    const { value } = row.cells[column].dataset;
    return heads[column].dataset.kind === "text" ? value : value === "" ? NaN : Number(value);
  };
  rows.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (typeof x === "string") return sign * x.localeCompare(y);
    return (Number.isNaN(x) - Number.isNaN(y)) || sign * (x - y) || 0; // what has no value is last
  });
  table.tBodies[0].append(...rows);
}

heads.forEach((head, n) => head.querySelector("button").addEventListener("click", () => {
  const first = head.dataset.better === "higher" ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  sort(n, head.getAttribute("aria-sort") === first ? other : first);
}));

// --- searching

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) row.hidden = !words.every((word) => row.dataset.search.includes(word));
  send("shown", rows.filter((row) => !row.hidden).map((row) => row.dataset.system));
}

// --- filtering: means or medians over the scenes that are left

function chosenScenes() {
  const active = filters.filter((filter) => filter.value !== "");
  const scenes = scores.both.map((_, n) => n)
    .filter((n) => active.every((filter) => scores.conditions[filter.dataset.condition][n] === Number(filter.value)));
  return { scenes, all: active.length === 0, talk: active.some((filter) => filter.dataset.condition === "talk") };
}

function mean(values) {
  const n = values.length;
  const average = values.reduce((sum, x) => sum + x, 0) / n;
  const spread = Math.sqrt(values.reduce((sum, x) => sum + (x - average) ** 2, 0) / Math.max(1, n - 1));
  const half = n > 1 ? 1.96 * spread / Math.sqrt(n) : Infinity;
  return { n, value: average, low: average - half, high: average + half };
}

function median(values) { // and the values with no more than half of all and 1.96 standard errors on either side
  const n = values.length;
  const ordered = [...values].sort((a, b) => a - b);
  const most = Math.floor(n / 2 + 1.96 * Math.sqrt(n) / 2);
  const value = (ordered[(n - 1) >> 1] + ordered[n >> 1]) / 2;
  return { n, value, low: ordered[n - 1 - most] ?? -Infinity, high: ordered[most] ?? Infinity };
}

function filter() {
  const { scenes, all, talk } = chosenScenes();
  const points = [];
  for (const row of rows) {
    const own = scores.values[row.dataset.system];
    const score = (metric) => (scores.medians.includes(metric) ? median : mean)(scenes
      .filter((n) => talk || scores.both[n] || !scores.near.includes(metric)).map((n) => own[metric][n]).filter((x) => x !== null));
    for (const cell of row.querySelectorAll("td[data-metric]")) {
      const { metric } = cell.dataset;
      const found = score(metric);
      const half = Math.max(found.value - found.low, found.high - found.value);
      const certain = Number.isFinite(half) ? ` ±${half.toFixed(2)}` : "";
      const text = metric === "rtf" ? found.value.toFixed(4) : `${found.value.toFixed(2)}${certain}`;
      cell.textContent = all ? cell.original.text : found.n ? text : "-";
      cell.dataset.value = all ? cell.original.value : found.n ? found.value : "";
      const cost = score("rtf").value;
      if (metric !== "rtf" && found.n && cost > 0) {
        points.push({ system: row.dataset.system, metric, rtf: cost, ...found, ...(certain ? {} : { low: null, high: null }) });
      }
    }
  }
  status.textContent = all ? status.dataset.all
    : `${scenes.length} of ${scores.both.length} scenes; ± 1.96 standard errors of independent scenes. The places are those over all scenes.`;
  const sorted = heads.findIndex((head) => head.getAttribute("aria-sort") !== "none");
  if (sorted >= 0) sort(sorted, heads[sorted].getAttribute("aria-sort"));
  shownPoints = all ? read("cost-spec").data.values : points;
  if (views.cost) views.cost.data("points", shownPoints).runAsync();
}

// --- charts

const signals = {};

function send(name, value) {
  signals[name] = value;
  for (const id of ["cost", "by", "time"]) if (views[id]) set(views[id], name, value);
}

function set(view, name, value) {
  if (name in view.getState({ signals: () => true, data: () => false }).signals) view.signal(name, value).runAsync();
}

function tip(handler, event, item, value) {
  const box = document.getElementById("tip");
  box.hidden = !value;
  if (!value) return;
  box.textContent = Object.entries(value).map(([name, text]) => `${name}: ${text}`).join("\n");
  box.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 4))}px`;
  box.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - box.offsetHeight - 4))}px`;
}

// Names stand where they cover nothing; those that find no place are left out. (Vega can do this, Vega-Lite cannot say it.)
function place(spec) {
  for (const mark of spec.marks.filter(({ type }) => type === "text")) {
    const anchor = ["right", "left", "top", "bottom", "top-left", "bottom-left", "top-right", "bottom-right"];
    mark.transform = [{ type: "label", size: { signal: "[max(1, width), max(1, height)]" }, offset: [7], anchor, avoidMarks: ["layer_1_marks"] }];
  }
  return spec;
}

async function draw() {
  const style = getComputedStyle(document.documentElement);
  const [ink, grey, line] = ["--ink", "--grey", "--line"].map((name) => style.getPropertyValue(name).trim());
  const config = {
    background: "transparent", font: "system-ui, sans-serif", text: { color: ink },
    axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: grey, tickColor: grey, titleFontWeight: "normal" },
    legend: { labelColor: ink, titleColor: ink }, title: { color: ink },
  };
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, config, tooltip: tip, patch: place };
  for (const place of document.querySelectorAll(".chart")) {
    const { view } = await vegaEmbed(place, read(`${place.id}-spec`), options);
    views[place.id] = view;
    for (const [name, value] of Object.entries(signals)) set(view, name, value);
  }
  if (shownPoints) views.cost.data("points", shownPoints).runAsync();
  document.body.dataset.ready = "true";
}

search.addEventListener("input", find);
for (const select of filters) select.addEventListener("change", filter);
for (const id of ["metric", "condition"]) {
  const select = document.getElementById(id);
  if (select) select.addEventListener("change", () => send(id, select.value));
}
document.getElementById("reset").addEventListener("click", () => {
  search.value = "";
  for (const select of filters) select.value = "";
  find();
  filter();
});
for (const control of document.querySelectorAll(".controls [disabled]")) control.disabled = false;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
