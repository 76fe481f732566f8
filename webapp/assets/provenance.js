// Where a debrief comes from, for whoever wants to know: whose words, of which messages, by which checks, made how.

import { h, icon } from "./dom.js";
import { TEXTS } from "./texts.js";
import { dayAndTime, t } from "./words.js";

export const checksOf = (feedback) => feedback.checks ?? [];

/** A warning is told and holds nothing back: it is not counted as a failure. */
export const isFault = (check) => !check.passed && !check.warning;

/** The lines at the end of a debrief; what is long opens on a click. `opensFailed`: checks that did not pass are open. */
export function provenance(feedback, { opensFailed = false } = {}) {
  return h(
    "div",
    { class: "provenance" },
    h("p", {}, whoseWords(feedback.body)),
    coverage(feedback.body.covered),
    checks(checksOf(feedback), feedback.body, opensFailed),
    making(feedback),
  );
}

function whoseWords({ way, placed_by: placedBy }) {
  if (way === "written") return t("words_model");
  return t(placedBy === "likeness" ? "words_rubric_likeness" : "words_rubric");
}

/** "Based on messages 1–40 of 120": said only where something was left out. */
function coverage({ messages, of, runs = [] }) {
  if (messages >= of) return null;
  const spans = runs.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(", ");
  return h("p", {}, spans ? t("covered_runs", { runs: spans, of }) : t("covered", { messages, of }));
}

function checks(outcomes, body, opensFailed) {
  if (!outcomes.length) return null;
  const failed = outcomes.filter(isFault).length;
  const words = failed ? t("checks_failed", { failed, of: outcomes.length }) : t(outcomes.length === 1 ? "check_passed_one" : "checks_passed", { of: outcomes.length });
  const kinds = Map.groupBy(outcomes, (check) => check.name);
  return h(
    "details",
    { class: failed ? "checks warn" : "checks ok", "data-key": "checks", open: opensFailed && failed > 0 },
    h("summary", {}, icon(failed ? "flag" : "check"), words),
    h("ul", {}, [...kinds].map(([name, all]) => checkLine(name, all, body))),
  );
}

/** One kind of check: passed, or where it did not pass. */
function checkLine(name, all, body) {
  const failed = all.filter((check) => !check.passed);
  const passed = all.length - failed.length;
  const outcome = failed.length === 0 ? t("desk.check_passed") : !failed.some(isFault) ? t("check_warning") : all.length === 1 ? t("desk.check_failed") : t("desk.check_some", { passed, of: all.length });
  const where = [...new Set(failed.map((check) => placeWords(check.where, body)).filter(Boolean))].join(", ");
  return h("li", { class: failed.length ? "warn" : "ok" }, h("span", {}, checkName(name), where ? h("small", {}, where) : null), h("b", {}, outcome));
}

/** A check of an older or newer program may have no words here. */
export function checkName(name) {
  return `desk.check_${name}` in TEXTS.en ? t(`desk.check_${name}`) : name.replaceAll("_", " ");
}

/** Where a check looked, in the words that stand above that place in the debrief. */
function placeWords(where, body) {
  const [place, key] = (where ?? "").split(".");
  if (place === "criteria") return body.criteria.find((result) => result.key === key)?.name ?? key;
  const titles = { strengths: t("strengths"), improvements: t("improvements"), next_step: t("next_step"), summary: t("summary") };
  return titles[place] ?? where;
}

function making({ lineage = {}, created_at: asked, finished_at: finished, version_n: version }) {
  const rubric = lineage.scenario_version ?? lineage.rubric_hash?.slice(0, 8);
  const facts = [
    [t("made_model"), lineage.model],
    [t("made_likeness"), lineage.likeness],
    [t("made_rubric"), rubric && [lineage.scenario, rubric].filter(Boolean).join(" · ")],
    [t("made_when"), finished || asked ? dayAndTime(finished ?? asked) : null],
    [t("made_seconds"), lineage.total_s && t("seconds", { n: Math.round(lineage.total_s * 10) / 10 })],
    [t("made_version"), version],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!facts.length) return null;
  return h(
    "details",
    { class: "making", "data-key": "making" },
    h("summary", {}, t("made")),
    h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  );
}
