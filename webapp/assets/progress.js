// "Your progress": for each scenario and criterion the levels of the visitor's debriefs, as a plot and as a table.
//
// A line joins only what may be compared; what was measured otherwise is drawn apart and says why. What was not seen
// in a talk is a gap with a mark below, never a zero.

import { closeSidebarOnPhones, go, NOTHING_OPEN, openConversation, showStart } from "./actions.js";
import { call } from "./api.js";
import { differenceWords } from "./differences.js";
import { h, icon, show, svg } from "./dom.js";
import { chooseFeedback } from "./feedback_actions.js";
import { change, state } from "./state.js";
import { openPane } from "./panes.js";
import { t, when } from "./words.js";

const LEVELS = [5, 4, 3, 2, 1];

export function showProgress({ push = false } = {}) {
  go({ view: "progress" }, push);
  change({ ...NOTHING_OPEN, view: "progress" });
  closeSidebarOnPhones();
  scrollTo({ top: 0 });
  return refreshProgress();
}

export async function refreshProgress() {
  try {
    change({ progress: await call("GET", "progress"), progressError: null });
  } catch (error) {
    change({ progressError: error.message });
  }
}

export function renderProgress(root) {
  if (state.view !== "progress") return show(root);
  const { progress, progressError } = state;
  show(
    root,
    h(
      "article",
      { class: "courses" },
      h("header", { class: "hero" }, h("h1", {}, t("your_progress")), h("p", {}, t("progress_lead"))),
      progressError ? h("p", { class: "problem", role: "alert" }, progressError, " ", h("button", { class: "button small", type: "button", onclick: refreshProgress }, t("try_again"))) : null,
      progress ? overview(progress) : progressError ? null : h("p", { class: "quiet", role: "status" }, t("loading")),
    ),
  );
  for (const area of root.querySelectorAll(".plot-scroll")) area.scrollLeft = area.scrollWidth;
}

function overview({ items, older_left_out: isCut }) {
  if (items.length === 0) return nothingYet();
  return [items.map(scenario), isCut ? h("p", { class: "quiet" }, t("progress_left_out")) : null];
}

function nothingYet() {
  return h(
    "section",
    { class: "panel" },
    h("p", {}, t("progress_empty")),
    h("div", { class: "row" }, h("button", { class: "button primary", type: "button", "data-key": "progress-new", onclick: () => showStart({ push: true }) }, icon("plus"), t("new_conversation"))),
  );
}

/** The series that began last is open; earlier ones, measured otherwise, are behind a click. */
function scenario({ scenario: id, title, debriefs, series }) {
  const [newest, ...earlier] = series.toReversed();
  return h(
    "section",
    { class: "panel course-of", "aria-label": title },
    h("div", { class: "course-head" }, h("h2", {}, title), h("span", { class: "quiet" }, t("progress_debriefs", { n: debriefs }))),
    seriesBody(newest, `${id}-0`),
    earlier.map((one, at) =>
      h(
        "details",
        { class: "earlier", "data-key": `earlier-${id}-${at}` },
        h("summary", {}, t("progress_earlier", { when: when(one.since), n: debriefsOf(one).length })),
        seriesBody(one, `${id}-${at + 1}`),
      ),
    ),
  );
}

/** The debriefs of a series in order of time: `{feedback_id, conversation_id, at}`. */
function debriefsOf({ criteria }) {
  const found = new Map(criteria.flatMap(({ points }) => points).map((point) => [point.feedback_id, point]));
  return [...found.values()].sort((one, other) => one.at.localeCompare(other.at));
}

function seriesBody(series, key) {
  const debriefs = debriefsOf(series);
  const isChanged = series.changed.length > 0;
  return [
    isChanged ? h("p", { class: "note" }, t("progress_changed", { when: when(series.since), what: differenceWords(series.changed) })) : null,
    debriefs.length < 2 ? h("p", { class: "quiet" }, t(isChanged ? "progress_one_since" : "progress_one")) : null,
    h("div", { class: "plots" }, series.criteria.map((criterion) => plot(criterion, debriefs))),
    h("details", { class: "as-table", "data-key": `table-${key}` }, h("summary", {}, t("progress_table")), table(series, debriefs)),
  ];
}

// ---- one criterion --------------------------------------------------------------------------------------------

function plot({ name, levels, points }, debriefs) {
  const byDebrief = new Map(points.map((point) => [point.feedback_id, point]));
  const placed = debriefs.map(({ feedback_id: id }) => byDebrief.get(id) ?? null);
  const latest = points.findLast(({ level }) => level);
  const hasGaps = points.some(({ level }) => !level);
  return h(
    "figure",
    { class: "plot", role: "group", "aria-label": name },
    h("figcaption", { class: "criterion-head" }, h("h3", {}, name), h("span", { class: "level" }, latest ? levelName(latest) : t("not_observed"))),
    h(
      "div",
      { class: "plot-grid" },
      h("div", { class: "plot-levels", "aria-hidden": "true" }, LEVELS.map((level) => h("span", {}, levels[level - 1] ?? level)), hasGaps ? h("span", { class: "plot-none" }, t("progress_not_seen")) : null),
      h(
        "div",
        { class: "plot-scroll" },
        h("div", { class: hasGaps ? "plot-area with-gaps" : "plot-area", style: `--n: ${debriefs.length}` }, lines(placed), placed.map((point, at) => point && mark(point, across(at, debriefs.length)))),
      ),
      h("div", { class: "plot-dates", "aria-hidden": "true" }, dates(debriefs).map((words) => h("span", {}, words))),
    ),
  );
}

const across = (at, of) => ((at + 0.5) / of) * 100;
const down = (level) => ((5 - level + 0.5) / 5) * 100;
const levelName = (point) => point.level_name ?? t("level", { level: point.level });

/** The level lines, and the course: broken wherever a level is missing. Percent of the area both ways. */
function lines(placed) {
  const runs = [[]];
  placed.forEach((point, at) => (point?.level ? runs.at(-1).push(`${across(at, placed.length)},${down(point.level)}`) : runs.push([])));
  return svg(
    "svg",
    { class: "plot-lines", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    LEVELS.map((level) => svg("line", { class: "rule", x1: 0, x2: 100, y1: down(level), y2: down(level) })),
    runs.filter((run) => run.length > 1).map((run) => svg("polyline", { class: "course", points: run.join(" ") })),
  );
}

/** A point is a link to its debrief. Without a level it stands below the plot, hollow. */
function mark(point, left) {
  const words = point.level ? levelName(point) : t(point.status === "unscored" ? "unscored" : "not_observed");
  const label = t("progress_point", { when: when(point.at), level: words });
  const place = point.level ? `left:${left}%;top:${down(point.level)}%` : `left:${left}%`;
  return h("a", { class: point.level ? "point" : "point gap", style: place, href: address(point), title: label, "aria-label": label, "data-key": `point-${point.feedback_id}`, onclick: (event) => follow(event, point) });
}

function address({ conversation_id: id }) {
  const url = new URL(location.href);
  url.search = "";
  url.searchParams.set("c", id);
  return url.href;
}

async function follow(event, point) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  await openConversation(point.conversation_id, { push: true });
  if (state.feedback && state.feedback.id !== point.feedback_id) chooseFeedback(point.feedback_id);
  openPane("debrief");
}

function dates(debriefs) {
  const all = [debriefs.at(0), debriefs.at(-1)].map(({ at }) => when(at));
  return debriefs.length > 1 && all[0] !== all[1] ? all : all.slice(0, 1);
}

// ---- the same as a table --------------------------------------------------------------------------------------

function table({ criteria }, debriefs) {
  const words = (point) => (!point ? "" : point.level ? levelName(point) : t(point.status === "unscored" ? "unscored" : "not_observed"));
  return h(
    "div",
    { class: "table-scroll", tabindex: 0 },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("progress_date")), criteria.map(({ name }) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        {},
        debriefs.map((debrief) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, h("a", { href: address(debrief), onclick: (event) => follow(event, debrief) }, when(debrief.at))),
            criteria.map(({ points }) => h("td", {}, words(points.find(({ feedback_id: id }) => id === debrief.feedback_id)))),
          ),
        ),
      ),
    ),
  );
}
