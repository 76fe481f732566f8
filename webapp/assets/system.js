// The operator's page: asks /api/v1/system every few seconds while it is looked at, and shows the numbers.

import { h, show } from "./dom.js";
import { LANGUAGE, LOCALE, t } from "./words.js";

const ASK_EVERY_MS = 3000;
const words = (key, values) => t(`system.${key}`, values);
const number = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
let root = null;
let seen = null;
let problem = null;

async function ask() {
  if (document.hidden || !root) return;
  try {
    const response = await fetch("/api/v1/system", { headers: { accept: "application/json" }, cache: "no-store" });
    if (response.status === 401) return location.assign(`/admin/login?next=${encodeURIComponent(location.pathname)}`);
    const answer = await response.json();
    problem = response.ok ? null : answer.message;
    if (response.ok) seen = { ...answer, at: new Date() };
  } catch {
    problem = words("unreachable");
  }
  draw();
}

function draw() {
  show(
    root,
    h(
      "div",
      { class: "system" },
      h("header", { class: "desk-bar" }, h("h1", {}, words("title")), h("span", { class: "desk-bar-space" }), h("a", { class: "desk-link", href: "/admin/" }, t("desk.title")), h("a", { class: "desk-link", href: "/" }, t("desk.practice"))),
      problem ? h("p", { class: "problem", role: "alert" }, problem) : null,
      seen ? [tiles(), processes(), jobs(), today(), manners(), h("p", { class: "quiet" }, words("as_of", { time: seen.at.toLocaleTimeString(LOCALE) }))] : null,
    ),
  );
}

function tiles() {
  const { model, jobs: counts, oldest_waiting_s: oldest } = seen;
  const waiting = counts.queued + counts.retry_wait;
  return h(
    "div",
    { class: "tiles" },
    tile(words("model"), words(`model_${model.state}`), model.detail || model.name || model.url, { ready: "good", down: "bad" }[model.state]),
    tile(words("answers"), number.format(seen.answers_running), words("answers_note")),
    tile(words("queue"), words("queue_waiting", { n: waiting }), waiting ? words("oldest", { age: age(oldest) }) : words("running_n", { n: counts.running }), oldest > 300 ? "bad" : ""),
    tile(words("workers"), number.format(seen.workers_alive), words(seen.workers_alive ? "workers_note" : "workers_none"), seen.workers_alive ? "" : "bad"),
    tile(words("database"), bytes(seen.database_bytes), words("memory_all", { size: bytes(total()) })),
  );
}

function tile(name, value, note, kind = "") {
  return h("section", { class: `tile ${kind ?? ""}` }, h("h2", {}, name), h("p", { class: "tile-value" }, value), h("p", { class: "quiet" }, note));
}

const total = () => seen.processes.reduce((sum, row) => sum + (row.rss_bytes ?? 0), 0);

function processes() {
  const columns = ["process", "state", "pid", "memory", "since", "restarts"];
  return h(
    "section",
    { class: "sheet", tabindex: 0, "aria-label": words("processes") },
    h("h2", {}, words("processes")),
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, words(name))))),
      h("tbody", {}, seen.processes.map(row)),
    ),
  );
}

function row(process) {
  const since = process.started_at ? age((Date.now() - new Date(process.started_at)) / 1000) : "–";
  const kind = process.rss_bytes === null ? "bad" : { ready: "good", running: "good", down: "bad" }[process.state] ?? "";
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, process.name),
    h("td", {}, h("span", { class: `state ${kind}` }, words(`state_${process.rss_bytes === null ? "down" : process.state}`))),
    h("td", {}, process.pid ?? "–"),
    h("td", {}, process.rss_bytes === null ? "–" : bytes(process.rss_bytes)),
    h("td", {}, since),
    h("td", {}, process.restarts ?? "–"),
  );
}

function jobs() {
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("jobs")),
    h("dl", { class: "job-counts" }, Object.entries(seen.jobs).map(([state, n]) => h("div", { class: n ? "" : "zero" }, h("dt", {}, words(`job_${state}`)), h("dd", {}, number.format(n))))),
  );
}

/** What was used of the daily limits, and what this web process refused. */
function today() {
  const { refused, ...budgets } = seen.today;
  const columns = ["used", "limit", "most_by_one_visitor", "limit_per_visitor"];
  const cell = (name, n) => h("td", {}, name.startsWith("limit") && n === 0 ? words("no_limit") : number.format(n));
  const codes = Object.entries(refused);
  return h(
    "section",
    { class: "sheet", tabindex: 0, "aria-label": words("today") },
    h("h2", {}, words("today")),
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["spent_on", ...columns].map((name) => h("th", { scope: "col" }, words(name))))),
      h("tbody", {}, Object.entries(budgets).map(([name, budget]) => h("tr", {}, h("th", { scope: "row" }, words(`spent_${name}`)), columns.map((column) => cell(column, budget[column]))))),
    ),
    h("h2", {}, words("refused")),
    codes.length ? h("ul", { class: "refused" }, codes.map(([code, n]) => h("li", {}, h("code", {}, code), " ", h("b", {}, number.format(n))))) : h("p", { class: "quiet" }, words("refused_none")),
  );
}

function manners() {
  const { manners: chosen, probe } = seen.feedback;
  const names = new Intl.DisplayNames(LANGUAGE, { type: "language" });
  const rows = Object.entries(chosen).map(([language, manner]) => {
    const found = probe?.result[language];
    const scores = found ? { model: probe.model, own: number.format(found.model_score), other: number.format(found.likeness_score) } : {};
    const way = manner.words === "written" ? words("way_written") : words(manner.placing === "model" ? "way_rubric_model" : "way_rubric_likeness");
    const why = { setting: () => words("why_setting"), probe: () => words("why_probe", scores), unprobed: () => words("why_unprobed") }[manner.reason]();
    return h("tr", {}, h("th", { scope: "row" }, names.of(language)), h("td", {}, way), h("td", {}, why));
  });
  return h("section", { class: "sheet", tabindex: 0, "aria-label": words("manner") }, h("h2", {}, words("manner")), h("table", {}, h("tbody", {}, rows)));
}

function bytes(n) {
  if (n === null || n === undefined) return "–";
  const units = ["B", "kB", "MB", "GB"];
  const at = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(n, 1)) / 3));
  return `${number.format(n / 1000 ** at)} ${units[at]}`;
}

function age(seconds) {
  if (seconds < 90) return words("seconds", { n: Math.round(seconds) });
  if (seconds < 5400) return words("minutes", { n: Math.round(seconds / 60) });
  return words("hours", { n: number.format(seconds / 3600) });
}

function mount({ name, element }) {
  if (name !== "system") return;
  root = element.querySelector(".slot") ?? element;
  draw();
  ask();
}

const early = window.debriefSlots ?? [];
window.debriefSlots = { push: mount };
early.forEach(mount);
setInterval(ask, ASK_EVERY_MS);
document.addEventListener("visibilitychange", ask);
