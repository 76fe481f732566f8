// The debrief beside the talk: asking for it, how far it is, and what it says.

import { askFeedback } from "./actions.js";
import { h, show } from "./dom.js";
import { feedbackBody } from "./feedback_card.js";
import { modelSeconds } from "./model_banner.js";
import { showQuote } from "./quotes.js";
import { isFinal, ownMessages, state } from "./state.js";
import { jumpTo } from "./talk.js";
import { t } from "./words.js";

const REASONS = {
  wrong_evidence: "reason_wrong_evidence",
  wrong_level: "reason_wrong_level",
  unhelpful: "reason_unhelpful",
  unkind: "reason_unkind",
  wrong_language: "reason_wrong_language",
};
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
  const reason = REASONS[feedback.reject_reason];
  return [
    feedback.error ? h("p", { class: "problem" }, feedback.error.message) : wait,
    reason ? h("p", { class: "quiet" }, t("reason", { reason: t(reason) })) : null,
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
  return feedback?.body ? feedbackBody(feedback, { turnWords, onQuote: showQuote }) : null;
}

function turnWords(messageId) {
  const turn = ownMessages().findIndex((message) => message.id === messageId) + 1;
  return turn ? t("your_turn", { turn }) : t("earlier_version");
}

function foot() {
  const { feedback } = state;
  if (!feedback || !isFinal(feedback) || ["failed", "cancelled", "skipped"].includes(feedback.state)) return null;
  if (!hasMoved(feedback)) return null;
  return h("div", { class: "debrief-foot" }, h("p", { class: "quiet" }, t("talk_went_on")), askButton(t("get_new_debrief")));
}

/** True when the visitor went on, or back, after this debrief was asked for. */
function hasMoved(feedback) {
  const at = state.messages.findIndex((message) => message.id === feedback.leaf_id);
  return at < 0 || state.messages.slice(at + 1).some((message) => message.role === "user");
}
