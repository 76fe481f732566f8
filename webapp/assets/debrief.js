// The debrief beside the talk: asking for it, how far it is, and what it says.

import { askFeedback } from "./actions.js";
import { h, icon, show } from "./dom.js";
import { modelSeconds } from "./model_banner.js";
import { showQuote } from "./quotes.js";
import { isBusy, isFinal, lastMessage, ownMessages, state } from "./state.js";
import { jumpTo } from "./talk.js";
import { t } from "./words.js";

const SHOWN = ["auto_released", "approved", "edited_approved"];

export function renderDebrief(root) {
  if (state.view !== "talk" || state.missing) return show(root);
  show(root, h("section", { class: "debrief", "aria-label": t("debrief") }, head(), h("div", { "aria-live": "polite", class: "debrief-live" }, status()), body(), foot()));
}

function head() {
  const words = stateWords(state.feedback);
  return h(
    "header",
    {},
    h("h2", {}, t("debrief")),
    words ? h("span", { class: `state ${words.kind}` }, words.text) : null,
    h("button", { class: "button small jump", type: "button", "data-key": "jump-talk", onclick: () => jumpTo("talk") }, t("to_talk")),
  );
}

function stateWords(feedback) {
  if (!feedback) return null;
  if (!isFinal(feedback)) return { kind: "busy", text: t("state_making") };
  if (["failed", "cancelled", "skipped"].includes(feedback.state)) return { kind: "bad", text: t("state_failed") };
  const review = feedback.review_state;
  if (review === "auto_released") return { kind: "good", text: t("state_released") };
  if (review === "approved") return { kind: "good", text: t("state_approved") };
  if (review === "edited_approved") return { kind: "good", text: t("state_edited") };
  if (review === "rejected") return { kind: "bad", text: t("state_rejected") };
  if (review === "withdrawn") return { kind: "bad", text: t("state_withdrawn") };
  return { kind: "busy", text: t("state_waiting") };
}

function status() {
  const feedback = state.feedback;
  if (state.feedbackError) return [h("p", { class: "problem" }, state.feedbackError), feedback ? null : askButton(t("get_debrief"))];
  if (!feedback) return invitation();
  if (!isFinal(feedback)) return progress(feedback);
  const wait = feedback.notice ? h("p", { class: "quiet" }, feedback.notice) : null;
  if (SHOWN.includes(feedback.review_state)) return wait;
  const failed = ["failed", "cancelled", "skipped"].includes(feedback.state);
  return [
    feedback.error ? h("p", { class: "problem" }, feedback.error.message) : wait,
    failed ? askButton(t("try_again")) : null,
  ];
}

function invitation() {
  const canAsk = ownMessages().length > 0;
  return [
    h("p", { class: "quiet" }, t(canAsk ? "debrief_invitation" : "debrief_too_early")),
    askButton(t("get_debrief"), !canAsk),
  ];
}

function askButton(label, isDisabled = false) {
  return h(
    "button",
    { class: "button primary wide", type: "button", "data-key": "ask", disabled: isDisabled || state.isAskingFeedback, onclick: askFeedback },
    state.isAskingFeedback ? t("asking") : label,
  );
}

function progress(feedback) {
  const { step, done = 0, of = 0 } = feedback.progress ?? {};
  return h(
    "div",
    { class: "progress" },
    h(
      "div",
      { class: "track", role: "progressbar", "aria-label": t("debrief"), "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percent(step, done, of) },
      h("i", { style: `width:${percent(step, done, of)}%` }),
    ),
    h("p", {}, h("span", { class: "spinner" }), progressWords(feedback)),
    h("p", { class: "quiet" }, t("keep_talking")),
  );
}

function percent(step, done, of) {
  if (step === "reading") return 20;
  if (step === "writing") return 25 + Math.round((65 * done) / Math.max(of, 1));
  if (step === "checking") return 93;
  return 6;
}

function progressWords(feedback) {
  const { step, done = 0, of = 0, position = 0 } = feedback.progress ?? {};
  if (feedback.worker_alive === false) return t("progress_no_worker");
  if (state.model?.state === "starting") return t("progress_model_starting", { seconds: modelSeconds() });
  if (feedback.state === "retry_wait") return t("progress_retry");
  if (step === "reading") return t("progress_reading");
  if (step === "writing") return of ? t("progress_writing", { n: Math.min(done + 1, of), of }) : t("progress_writing_all");
  if (step === "checking") return t("progress_checking");
  return position > 1 ? t("progress_position", { position: position - 1 }) : t("progress_next");
}

function body() {
  const { feedback } = state;
  if (!feedback?.body) return null;
  const { criteria, strengths, improvements, next_step: nextStep, summary } = feedback.body;
  return h(
    "div",
    { class: "debrief-body" },
    summary ? h("p", { class: "summary" }, summary) : null,
    h("div", { class: "criteria" }, criteria.map(criterion)),
    strengths.length ? part(t("strengths"), strengths.map((strength) => h("li", {}, h("p", {}, strength.why), quotes(strength.evidence)))) : null,
    improvements.length ? part(t("improvements"), improvements.map(improvement)) : null,
    nextStep ? h("section", { class: "next-step" }, h("h3", {}, t("next_step")), h("p", {}, nextStep)) : null,
    provenance(feedback),
  );
}

function part(title, items) {
  return h("section", { class: "part" }, h("h3", {}, title), h("ul", {}, items));
}

function criterion(result) {
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

function improvement(item) {
  const original = item.evidence[0];
  return h("li", {}, h("p", {}, item.problem), quotes(original ? [original] : []), rewrite(item.rewrite), quotes(item.evidence.slice(1)));
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

function quotes(evidence) {
  return evidence.map((item) =>
    h(
      "button",
      { class: "quote", type: "button", "data-key": `quote-${item.message_id}-${item.start}`, title: t("show_in_talk"), onclick: () => showQuote(item) },
      h("span", { class: "quote-words" }, item.quote),
      h("span", { class: "quote-where" }, turnWords(item.message_id)),
    ),
  );
}

function turnWords(messageId) {
  const turn = ownMessages().findIndex((message) => message.id === messageId) + 1;
  return turn ? t("your_turn", { turn }) : t("earlier_version");
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
    feedback.state === "partial" ? h("li", { class: "warn" }, t("partial")) : null,
    covered.messages < covered.of ? h("li", {}, t("covered", covered)) : null,
  );
}

function foot() {
  const { feedback } = state;
  if (!feedback || !isFinal(feedback) || ["failed", "cancelled", "skipped"].includes(feedback.state)) return null;
  if (!hasMoved(feedback)) return null;
  return h("div", { class: "debrief-foot" }, h("p", { class: "quiet" }, t("talk_went_on")), askButton(t("get_new_debrief")));
}

/** True when the talk does not end any more where this debrief's talk ended. */
const hasMoved = (feedback) => !isBusy() && lastMessage()?.id !== feedback.leaf_id;
