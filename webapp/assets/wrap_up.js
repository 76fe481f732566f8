// The end of a talk, by hand or where the scenario says that it has reached its aim: from there to the debrief.

import { focusSoon, h, icon } from "./dom.js";
import { askFeedback } from "./feedback_actions.js";
import { openPane } from "./panes.js";
import { change, isBusy, isFinal, ownMessages, saidHere, scenarioOf, state } from "./state.js";
import { t } from "./words.js";

const FEW = 2; // with fewer things said there is little to tell

/** In the header, from the first thing said on: away while the debrief of just this state of the talk is there. */
export function wrapUpButton() {
  if (!state.conversation || saidHere().length === 0 || hasDebrief()) return null;
  const isAsking = state.isAskingFeedback;
  return h(
    "button",
    { class: "button small wrap-up", type: "button", "data-key": "wrap-up", title: t("wrap_up"), "aria-label": t("wrap_up"), "aria-disabled": isAsking && "true", onclick: () => wrapUp() },
    icon("flag"),
    h("span", { class: "wrap-up-long" }, isAsking ? t("asking") : t("wrap_up")),
    h("span", { class: "wrap-up-short", "aria-hidden": "true" }, isAsking ? t("asking") : t("wrap_up_short")),
  );
}

/** Ask for the debrief and lead there; where little was said, ask first whether that is meant. */
export function wrapUp({ isSure = false } = {}) {
  if (state.isAskingFeedback) return;
  if (saidHere().length === 0) return change({ hint: t("debrief_too_early") });
  if (saidHere().length < FEW && !isSure && !state.feedback) {
    openPane("talk");
    return change({ wrappingUp: true });
  }
  change({ wrappingUp: false });
  lead();
  if (!hasDebrief()) askFeedback();
}

/** To the debrief: the pane on a phone, the focus everywhere. */
export function lead() {
  openPane("debrief");
  focusSoon("debrief-title");
}

/** Below the transcript: the question whether so little is enough, or that the scenario has come to its end. */
export function ending() {
  if (state.wrappingUp && saidHere().length < FEW) return tooLittle();
  return isAtEnd() ? reached() : null;
}

function tooLittle() {
  return h(
    "div",
    { class: "remark ending", role: "group", "aria-label": t("wrap_up") },
    h("span", {}, t("wrap_up_little")),
    h("div", { class: "row" }, choice("wrap-up-sure", t("wrap_up_sure"), () => wrapUp({ isSure: true })), choice("wrap-up-no", t("wrap_up_no"), talkOn)),
  );
}

function talkOn() {
  change({ wrappingUp: false });
  document.querySelector("#message textarea")?.focus();
}

const choice = (key, words, onclick) => h("button", { class: "button small", type: "button", "data-key": key, onclick }, words);

/** The visitor has said as much as the scenario asks for, and has not gone on since. */
function isAtEnd() {
  const turns = scenarioOf(state.conversation)?.end.turns;
  return Boolean(turns) && ownMessages().length === turns && !isBusy() && !state.sendError;
}

function reached() {
  const { text } = scenarioOf(state.conversation).end;
  return h(
    "div",
    { class: "remark ending" },
    h("span", {}, text),
    h(
      "button",
      { class: "button small primary", type: "button", "data-key": "end-debrief", onclick: () => wrapUp({ isSure: true }) },
      icon("flag"),
      t(hasDebrief() ? "to_my_debrief" : "wrap_up"),
    ),
  );
}

/** Whether the debrief on the page, or in the making, is of the talk as it stands. */
function hasDebrief() {
  const { feedbacks, messages } = state;
  const newest = feedbacks[0];
  if (!newest || newest.state === "failed" || newest.state === "cancelled" || newest.state === "skipped") return false;
  if (["rejected", "withdrawn"].includes(newest.review_state)) return false;
  const at = messages.findIndex(({ id }) => id === newest.leaf_id);
  return !isFinal(newest) && at < 0 ? true : at >= 0 && !messages.slice(at + 1).some(({ role }) => role === "user");
}
