// "This is wrong": a quiet control at the end of each sentence of a debrief, and what was said with it.

import { h, icon } from "./dom.js";
import { closeDispute, sendDispute } from "./feedback_actions.js";
import { change, state } from "./state.js";
import { t } from "./words.js";

const COMMENT_MAX_CHARS = 500;

/** The button at the end of a sentence. */
export function disputeButton(feedback, path) {
  if (isWriting(feedback, path)) return null;
  const label = t(disputeOf(feedback, path) ? "dispute_change" : "dispute");
  const open = () => change({ disputing: { feedbackId: feedback.id, path, comment: disputeOf(feedback, path)?.comment ?? "", isSending: false, error: null } });
  return h("button", { class: "dispute", type: "button", "data-key": `dispute-${path}`, title: label, "aria-label": label, onclick: open }, icon("flag"));
}

/** Under a sentence: the form while it is written, then what was said and how it stands. */
export function disputeNote(feedback, path) {
  if (isWriting(feedback, path)) return form();
  const said = disputeOf(feedback, path);
  if (!said) return null;
  return h(
    "div",
    { class: said.closed_at ? "disputed closed" : "disputed" },
    h("p", {}, t(said.closed_at ? "dispute_closed" : "dispute_open")),
    said.comment ? h("p", { class: "disputed-words" }, said.comment) : null,
  );
}

const isWriting = (feedback, path) => state.disputing?.path === path && state.disputing.feedbackId === feedback.id;
const disputeOf = (feedback, path) => feedback.disputes.find((dispute) => dispute.path === path);

function form() {
  const { comment, isSending, error } = state.disputing;
  // What is typed does not redraw the page: a redrawn field would break off the composing of Korean.
  const remember = (event) => (state.disputing.comment = event.target.value);
  const words = h("textarea", { rows: 2, maxlength: COMMENT_MAX_CHARS, value: comment, "aria-label": t("dispute_comment"), placeholder: t("dispute_comment"), "data-key": "dispute-words", oninput: remember });
  words.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && closeDispute());
  queueMicrotask(() => words.isConnected && words.focus({ preventScroll: true }));
  return h(
    "form",
    { class: "dispute-form", onsubmit: (event) => (event.preventDefault(), sendDispute()) },
    h("p", { class: "quiet" }, t("dispute_what_happens")),
    words,
    error ? h("p", { class: "problem", role: "alert" }, error) : null,
    h(
      "div",
      { class: "row" },
      h("button", { class: "button small primary", type: "submit", disabled: isSending, "data-key": "dispute-send" }, t("dispute_send")),
      h("button", { class: "button small", type: "button", "data-key": "dispute-cancel", onclick: closeDispute }, t("cancel")),
    ),
  );
}
