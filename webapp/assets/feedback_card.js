// The words of a debrief as visitor and reviewer read them: criteria with levels and quotes, what to do next, checks.

import { h, icon } from "./dom.js";
import { t } from "./words.js";

/**
 * The body of a feedback.
 * @param feedback `{state, body, checks}` as the API gives it
 * @param turnWords from a message id to words such as "your 2nd answer"
 * @param onQuote called with the evidence whose quote was clicked
 */
export function feedbackBody(feedback, { turnWords, onQuote }) {
  const { criteria, strengths, improvements, next_step: nextStep, summary } = feedback.body;
  const quotes = (evidence) => evidence.map((item) => quote(item, turnWords, onQuote));
  return h(
    "div",
    { class: "debrief-body" },
    summary ? h("p", { class: "summary" }, summary) : null,
    h("div", { class: "criteria" }, criteria.map((result) => criterion(result, quotes))),
    strengths.length ? part(t("strengths"), strengths.map((item) => h("li", {}, h("p", {}, item.why), quotes(item.evidence)))) : null,
    improvements.length ? part(t("improvements"), improvements.map((item) => improvement(item, quotes))) : null,
    nextStep ? h("section", { class: "next-step" }, h("h3", {}, t("next_step")), h("p", {}, nextStep)) : null,
    provenance(feedback),
  );
}

function part(title, items) {
  return h("section", { class: "part" }, h("h3", {}, title), h("ul", {}, items));
}

function criterion(result, quotes) {
  return h(
    "section",
    { class: "criterion" },
    h("div", { class: "criterion-head" }, h("h3", {}, result.name), h("span", { class: "level" }, levelWords(result))),
    result.level ? steps(result) : null,
    result.reason ? h("p", {}, result.reason) : null,
    quotes(result.evidence),
    result.tip ? h("p", { class: "tip" }, h("b", {}, t("tip")), " ", result.tip) : null,
    result.example ? pair(result) : null,
  );
}

function levelWords(result) {
  if (result.status === "scored") return result.level_name ?? t("level", { level: result.level });
  return t(result.status === "not_observed" ? "not_observed" : "unscored");
}

function steps(result) {
  return h(
    "div",
    { class: "steps", role: "img", "aria-label": t("level", { level: result.level }) },
    [1, 2, 3, 4, 5].map((step) => h("i", { class: step <= result.level ? "on" : null })),
  );
}

function improvement(item, quotes) {
  const [original, ...others] = item.evidence;
  return h("li", {}, h("p", {}, item.problem), quotes(original ? [original] : []), rewrite(item.rewrite), quotes(others));
}

function rewrite(words) {
  return h("div", { class: "rewrite" }, h("b", {}, t("rewrite")), h("p", {}, words));
}

function pair({ key, example }) {
  return h(
    "details",
    { class: "example", "data-key": `example-${key}` },
    h("summary", {}, t("example")),
    h("dl", {}, h("dt", {}, t("example_before")), h("dd", {}, example.before), h("dt", {}, t("example_after")), h("dd", { class: "better" }, example.after)),
  );
}

function quote(item, turnWords, onQuote) {
  return h(
    "button",
    { class: "quote", type: "button", "data-key": `quote-${item.message_id}-${item.start}`, title: t("show_in_talk"), onclick: () => onQuote(item) },
    h("span", { class: "quote-words" }, item.quote),
    h("span", { class: "quote-where" }, turnWords(item.message_id)),
  );
}

function provenance(feedback) {
  const checks = feedback.checks ?? [];
  const failed = checks.filter((check) => !check.passed).length;
  const { covered } = feedback.body;
  return h(
    "ul",
    { class: "provenance" },
    h("li", {}, t(feedback.body.way === "rubric" ? "words_rubric" : "words_model")),
    checks.length ? h("li", { class: failed ? "warn" : "ok" }, icon("check"), failed ? t("checks_failed", { failed, of: checks.length }) : t("checks_passed", { of: checks.length })) : null,
    covered.messages < covered.of ? h("li", {}, t("covered", covered)) : null,
  );
}
