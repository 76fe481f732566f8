// The debrief beside the talk: asking for it, how far it is, what it says, and what the visitor says of it.

import { disputeButton, disputeNote } from "./dispute.js";
import { againButton } from "./again.js";
import { comparisons } from "./comparison.js";
import { corrections } from "./corrections.js";
import { h, icon, show } from "./dom.js";
import { askFeedback, cancelFeedback, chooseFeedback, react } from "./feedback_actions.js";
import { feedbackBody } from "./feedback_card.js";
import { chooseVersion } from "./message_actions.js";
import { modelSeconds } from "./model_banner.js";
import { markQuotedMessages, showQuote } from "./quotes.js";
import { isFinal, ownMessages, saidHere, scenarioOf, state } from "./state.js";
import { forgetWish, notificationWish, watchForEyes, wishForNotification } from "./unread.js";
import { dayAndTime, duration, t, when } from "./words.js";

const REASONS = {
  wrong_evidence: "reason_wrong_evidence",
  wrong_level: "reason_wrong_level",
  unhelpful: "reason_unhelpful",
  unkind: "reason_unkind",
  wrong_language: "reason_wrong_language",
};
const EXPECT = { checked: "expect_checked", sample: "expect_sample", hold: "expect_hold" };
const WITHOUT_RESULT = { failed: "state_failed", cancelled: "state_cancelled", skipped: "state_skipped" };

export function renderDebrief(root) {
  markQuotedMessages();
  if (state.view !== "talk" || state.missing) return show(root);
  const { feedback } = state;
  show(
    root,
    h(
      "section",
      { class: "debrief", "aria-label": t("debrief") },
      head(feedback),
      choice(),
      h("div", { "aria-live": "polite", class: "debrief-live" }, status(feedback)),
      feedback?.body ? [comparisons(feedback), body(feedback), reaction(feedback), takeAlong(feedback)] : null,
      foot(feedback),
    ),
  );
  watchForEyes(root);
}

function head(feedback) {
  const words = stateWords(feedback);
  return h(
    "header",
    {},
    h("h2", { tabindex: -1, "data-key": "debrief-title" }, t("debrief")),
    words ? h("span", { class: `state ${words.kind}` }, words.text) : null,
    h("span", { class: "print-only" }, [state.conversation?.title, feedback && dayAndTime(feedback.created_at)].filter(Boolean).join(" · ")),
  );
}

function stateWords(feedback) {
  if (!feedback) return null;
  if (feedback.review_state === "regenerating") return { kind: "busy", text: t(isDisputed(feedback) ? "state_disputed" : "state_waiting") };
  if (!isFinal(feedback)) return { kind: "busy", text: t("state_making") };
  if (feedback.state in WITHOUT_RESULT) return { kind: "bad", text: t(WITHOUT_RESULT[feedback.state]) };
  if (isDisputed(feedback)) return { kind: "busy", text: t("state_disputed") };
  if (feedback.body && !hasLevel(feedback)) return { kind: "busy", text: t("state_no_level") };
  const review = feedback.review_state;
  if (review === "auto_released") return { kind: "good", text: t(feedback.state === "partial" ? "state_partial" : "state_released") };
  if (review === "approved") return { kind: "good", text: t("state_approved") };
  if (review === "edited_approved") return { kind: "good", text: t("state_edited") };
  if (review === "rejected") return { kind: "bad", text: t("state_rejected") };
  if (review === "withdrawn") return { kind: "bad", text: t("state_withdrawn") };
  return { kind: "busy", text: t("state_waiting") };
}

const isDisputed = ({ body, disputes }) => Boolean(body) && disputes.some((dispute) => !dispute.closed_at);
const hasLevel = ({ body }) => body.criteria.some((result) => result.status === "scored");

/** Which debrief of the talk: only where there are several. */
function choice() {
  const { feedbacks, feedback } = state;
  if (feedbacks.length < 2) return null;
  const option = (one, at) =>
    h("option", { value: one.id, selected: one.id === feedback.id }, `${feedbacks.length - at}. ${when(one.created_at)} · ${stateWords(one).text}`);
  return h(
    "label",
    { class: "which" },
    h("span", {}, t("which_debrief")),
    h("select", { "data-key": "which", onchange: (event) => chooseFeedback(event.target.value) }, feedbacks.map(option)),
  );
}

// ---- how it stands --------------------------------------------------------------------------------------------

function status(feedback) {
  return [state.feedbackError ? h("p", { class: "problem" }, state.feedbackError) : null, standing(feedback)];
}

function standing(feedback) {
  if (!feedback) return invitation();
  if (feedback.review_state === "regenerating") return h("p", { class: "quiet" }, feedback.notice); // no waiting of theirs
  if (!isFinal(feedback)) return making(feedback);
  const notice = feedback.notice ? h("p", { class: "quiet" }, feedback.notice) : null;
  if (feedback.body) return [isOfEarlierTalk(feedback) ? earlierNote(feedback) : null, notice, corrections(feedback)];
  const reason = REASONS[feedback.reject_reason];
  return [
    feedback.error ? h("p", { class: feedback.state === "failed" ? "problem" : "quiet" }, feedback.error.message) : notice,
    reason ? h("p", { class: "quiet" }, t("reason", { reason: t(reason) })) : null,
    canAskAgain(feedback) ? askButton(askAgainWords(feedback)) : null,
  ];
}

/** What ended without words, or was taken back, can be asked for again at once. What waits for a person cannot. */
const canAskAgain = (feedback) => feedback.state in WITHOUT_RESULT || ["rejected", "withdrawn"].includes(feedback.review_state);

function askAgainWords({ state: ended }) {
  if (ended === "failed") return t("try_again");
  return t(ended in WITHOUT_RESULT ? "ask_again" : "get_new_debrief");
}

function invitation() {
  const canAsk = saidHere().length > 0;
  return [
    h("p", { class: "quiet" }, t(canAsk ? "debrief_invitation" : "debrief_too_early")),
    canAsk ? expectation() : null,
    askButton(t("get_debrief"), !canAsk),
  ];
}

/** What becomes of it when it is written: shown at once, or read by a person first. */
function expectation() {
  const release = scenarioOf(state.conversation)?.release;
  return release ? h("p", { class: "quiet" }, t(EXPECT[release])) : null;
}

/** The button, and beside it why the last press was refused. While it asks it keeps the focus: it is not disabled. */
function askButton(label, isDisabled = false) {
  const isAsking = state.isAskingFeedback;
  return [
    state.askError ? h("p", { class: "problem", role: "alert" }, state.askError) : null,
    h(
      "button",
      { class: "button primary wide", type: "button", "data-key": "ask", disabled: isDisabled, "aria-disabled": isAsking && "true", onclick: askFeedback },
      isAsking ? t("asking") : label,
    ),
  ];
}

function making(feedback) {
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
    expectation(),
    h("div", { class: "row making-tools" }, tellMe(), h("button", { class: "quiet-link", type: "button", "data-key": "cancel", onclick: () => cancelFeedback(feedback.id) }, t("stop_making"))),
  );
}

/** The offer of a notification: the browser's question comes after a click on it, never by itself. */
function tellMe() {
  const wish = notificationWish();
  if (wish === "offer") return h("button", { class: "button small", type: "button", "data-key": "tell-me", onclick: wishForNotification }, icon("bell"), t("tell_me"));
  if (wish === "wished") return h("button", { class: "button small", type: "button", "aria-pressed": "true", "data-key": "tell-me", onclick: forgetWish }, icon("check"), t("will_tell"));
  return wish === "denied" && state.notificationAnswer ? h("p", { class: "quiet" }, t("tell_denied")) : null;
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
  if (state.model?.state === "starting") return t("progress_model_starting", { time: duration(modelSeconds()) });
  if (state.model?.state === "down") return t("progress_model_down");
  if (feedback.state === "retry_wait") return t("progress_retry");
  if (step === "reading") return t("progress_reading");
  if (step === "writing") return of ? t("progress_writing", { n: Math.min(done + 1, of), of }) : t("progress_writing_all");
  if (step === "checking") return t("progress_checking");
  return position > 1 ? t("progress_position", { position: position - 1 }) : t("progress_next");
}

// ---- what it says, and what is said of it -----------------------------------------------------------------------

function body(feedback) {
  return feedbackBody(feedback, {
    turnWords,
    onQuote: showQuote,
    inSentence: (path) => disputeButton(feedback, path),
    afterSentence: (path) => disputeNote(feedback, path),
    actionFor: (item) => againButton(feedback, item),
  });
}

function turnWords(messageId) {
  const turn = ownMessages().findIndex((message) => message.id === messageId) + 1;
  return turn ? t("your_turn", { turn }) : t("earlier_version");
}

function reaction({ id, reaction: said }) {
  const choose = (helpful, words) => {
    const isChosen = said?.helpful === helpful;
    return h("button", { class: "chip", type: "button", "aria-pressed": String(isChosen), "data-key": `helpful-${helpful}`, onclick: () => react(id, isChosen ? null : helpful) }, words);
  };
  return h(
    "div",
    { class: "reaction", role: "group", "aria-label": t("did_it_help") },
    h("span", {}, t(said ? "thanks" : "did_it_help")),
    choose(true, t("helpful")),
    choose(false, t("not_helpful")),
  );
}

function takeAlong({ id }) {
  const file = (format, words) => h("a", { class: "quiet-link", href: `api/v1/feedback/${id}/export?format=${format}`, download: "", "data-key": `export-${format}` }, words);
  return h(
    "div",
    { class: "take-along" },
    h("button", { class: "quiet-link", type: "button", "data-key": "print", onclick: () => print() }, t("print")),
    file("md", t("export_md")),
    file("json", t("export_json")),
  );
}

function foot(feedback) {
  if (!feedback || !isFinal(feedback) || canAskAgain(feedback) || !isOfEarlierTalk(feedback)) return null;
  return h("div", { class: "debrief-foot" }, feedback.body ? null : h("p", { class: "quiet" }, t("talk_went_on")), askButton(t("get_new_debrief")));
}

/** True when the visitor went on, or back, after this debrief was asked for. */
function isOfEarlierTalk(feedback) {
  const at = placeOfLeaf(feedback);
  return at < 0 || state.messages.slice(at + 1).some((message) => message.role === "user");
}

/** Where the debrief's last message is in the talk as it stands; an answer that has gone on since is still that one. */
const placeOfLeaf = ({ leaf_id: leaf }) => state.messages.findIndex((message) => message.id === leaf || message.continues === leaf);

/** What is shown may be another version than the one that was reviewed: then a press turns back to that. */
function earlierNote(feedback) {
  const turnBack = () => chooseVersion(feedback.leaf_id);
  return h("p", { class: "note" }, h("span", {}, earlierWords(feedback)), placeOfLeaf(feedback) < 0 ? h("button", { class: "button small", type: "button", "data-key": "turn-back", onclick: turnBack }, t("talk_turn_back")) : null);
}

function earlierWords(feedback) {
  const at = placeOfLeaf(feedback);
  if (at < 0) return t("talk_turned_elsewhere");
  const turns = state.messages.slice(0, at + 1).filter((message) => message.role === "user").length;
  return `${t("talk_went_on")} ${t("covers_turns", { turns, of: ownMessages().length })}`;
}
