// The words of a debrief as visitor and reviewer read them: criteria with levels and quotes, what worked, what to
// change with the better wording beside the original, the next step, and where all of it comes from.
//
// Each sentence stands under a path such as "criteria.1.reason", the same that the API takes for objections.

import { h } from "./dom.js";
import { checkName, checksOf, isFault, provenance } from "./provenance.js";
import { t } from "./words.js";

const nothing = () => null;

/**
 * The body of a feedback.
 * @param feedback `{state, body, checks, lineage, ...}` as the API gives it
 * @param turnWords from a message id to words such as "your 2nd answer"
 * @param onQuote called with the evidence whose quote was clicked
 * @param inSentence from a path to what stands at the end of that sentence, such as a button, or null
 * @param afterSentence from a path to what stands under that sentence, or null
 * @param actionFor from a criterion or an improvement to what can be done about it, or null
 * @param opensFailed whether checks that did not pass are shown at once
 */
export function feedbackBody(feedback, { turnWords, onQuote, inSentence = nothing, afterSentence = nothing, actionFor = nothing, opensFailed = false }) {
  const { criteria, strengths, improvements, next_step: nextStep, summary } = feedback.body;
  const card = {
    feedback,
    actionFor,
    quotes: (evidence) => evidence.map((item) => quote(item, turnWords, onQuote)),
    sentence: (path, words, ...before) => sentence(path, words, before, inSentence, afterSentence),
  };
  return h(
    "div",
    { class: "debrief-body" },
    summary ? h("div", { class: "summary" }, card.sentence("summary", summary)) : null,
    criteria.length ? h("div", { class: "criteria" }, criteria.map((result, at) => criterion(result, `criteria.${at}`, card))) : h("p", { class: "note no-criteria" }, whyNoCriteria(feedback)),
    strengths.length ? part(t("strengths"), strengths.map((item, at) => strength(item, `strengths.${at}`, card))) : null,
    improvements.length ? part(t("improvements"), improvements.map((item, at) => improvement(item, `improvements.${at}`, card))) : null,
    nextStep ? h("section", { class: "next-step" }, h("h3", {}, t("next_step")), card.sentence("next_step", nextStep)) : null,
    provenance(feedback, { opensFailed }),
  );
}

function sentence(path, words, before, inSentence, afterSentence) {
  const below = afterSentence(path);
  return h("div", { class: below ? "sentence marked" : "sentence", "data-path": path }, h("p", {}, before, words, inSentence(path)), below);
}

function part(title, items) {
  return h("section", { class: "part" }, h("h3", {}, title), h("ul", {}, items));
}

function criterion(result, path, card) {
  return h(
    "section",
    { class: "criterion", "data-part": path },
    h("div", { class: "criterion-head" }, h("h3", {}, result.name), h("span", { class: result.status === "scored" ? "level" : "level none" }, levelWords(result))),
    result.level ? steps(result) : null,
    result.reason ? card.sentence(`${path}.reason`, result.reason) : null,
    result.status === "unscored" ? h("p", { class: "quiet" }, whyUnscored(result, card.feedback)) : null,
    card.quotes(result.evidence),
    result.tip ? h("div", { class: "tip" }, card.sentence(`${path}.tip`, result.tip, h("b", {}, t("tip")), " ")) : null,
    result.example ? pair(result) : null,
    result.agreement ? h("p", { class: "agreement" }, agreementWords(result.agreement)) : null,
    card.actionFor(result),
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

/** Which checks the answer to this criterion did not pass; without a level nothing is made up for it. */
function whyUnscored({ key }, feedback) {
  const failed = checksOf(feedback).filter(({ passed, where }) => !passed && (where === `criteria.${key}` || where?.startsWith(`criteria.${key}.`)));
  const names = [...new Set(failed.map(({ name }) => checkName(name)))];
  return names.length ? t("unscored_why", { checks: names.join("; ") }) : t("unscored_plain");
}

/** Where not one criterion is there, the place of the criteria says so, and which checks did not pass. */
export function whyNoCriteria(feedback) {
  const names = [...new Set(checksOf(feedback).filter(isFault).map(({ name }) => checkName(name)))];
  return names.length ? t("no_criteria_why", { checks: names.join("; ") }) : t("no_criteria");
}

/** How far several independent tries agree; measured, never claimed by a model. */
function agreementWords({ same, of }) {
  return t(same * 2 > of ? "agreement" : "agreement_low", { same, of });
}

function strength(item, path, card) {
  return h("li", { "data-part": path }, card.sentence(`${path}.why`, item.why), card.quotes(item.evidence));
}

function improvement(item, path, card) {
  const [original, ...others] = item.evidence;
  return h(
    "li",
    { class: "improvement", "data-part": path },
    card.sentence(`${path}.problem`, item.problem),
    h("div", { class: "beside" }, card.quotes(original ? [original] : []), rewrite(item, path, card)),
    card.quotes(others),
    card.actionFor(item),
  );
}

/** In the rubric's words there is no rewrite of the visitor's line, only the rubric's example; it must not look like one. */
function rewrite(item, path, card) {
  const isExample = item.is_example || card.feedback.body.way === "rubric";
  return h(
    "div",
    { class: isExample ? "rewrite example" : "rewrite" },
    h("b", {}, t(isExample ? "rewrite_example" : "rewrite")),
    card.sentence(`${path}.rewrite`, item.rewrite),
  );
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
    {
      class: "quote",
      type: "button",
      "data-key": `quote-${item.message_id}-${item.start}`,
      "data-message": item.message_id,
      title: t("show_in_talk"),
      onclick: () => onQuote(item),
    },
    h("span", { class: "quote-words" }, item.quote),
    h("span", { class: "quote-where" }, turnWords(item.message_id)),
  );
}
