// Around the native transcript: the header above it, and below it what went wrong and what can be said.

import { beginningMark, moment } from "./again.js";
import { say, sendAgain, showStart } from "./actions.js";
import { contextGauge } from "./context.js";
import { h, icon, show } from "./dom.js";
import { draftOf, saveDraft } from "./drafts.js";
import { partnerName } from "./labels.js";
import { goOn, retry } from "./message_actions.js";
import { modelBanner } from "./model_banner.js";
import { repaint } from "./painter.js";
import { paneTabs } from "./panes.js";
import { isBusy, lastMessage, ownMessages, scenarioOf, state } from "./state.js";
import { t } from "./words.js";
import { ending, wrapUpButton } from "./wrap_up.js";

export function renderHeader(root) {
  if (state.missing) return show(root, missing());
  const persona = scenarioOf(state.conversation)?.persona;
  show(
    root,
    h(
      "header",
      { class: "talk-head" },
      h("h1", { tabindex: -1, "data-key": "talk-title" }, state.conversation?.title ?? t("loading")),
      persona ? h("span", { class: "pill" }, persona.name, h("span", { class: "pill-role" }, ` · ${persona.role}`)) : null,
      state.conversation?.origin === "import" ? h("span", { class: "imported", title: t("imported") }, icon("bring"), t("imported_mark")) : null,
      h("span", { class: "saved" }, savedWords()),
      wrapUpButton(),
      paneTabs(),
    ),
  );
}

function savedWords() {
  if (!state.conversation) return "";
  if (state.sending) return t("saving");
  if (state.sendError) return t("not_sent");
  const turns = ownMessages().length;
  const of = scenarioOf(state.conversation)?.end.turns;
  if (of && turns <= of) return turns ? t("saved_of", { turns, of }) : t("saved_start_of", { of });
  return turns ? t("saved", { turns }) : t("saved_start");
}

function missing() {
  return h(
    "div",
    { class: "missing", role: "alert" },
    h("h1", {}, t("missing_title")),
    h("p", {}, state.missing),
    unsent(),
    h("button", { class: "button primary", type: "button", "data-key": "missing-new", onclick: () => showStart({ push: true }) }, t("new_conversation")),
  );
}

/** What was typed in a talk that is gone: there is no box for it any more, but it can be copied. */
function unsent() {
  const id = new URL(location.href).searchParams.get("c");
  const text = id && draftOf(id);
  if (!text) return null;
  return h("label", { class: "unsent" }, h("span", { class: "quiet" }, t("unsent")), h("textarea", { readonly: true, rows: 4, "data-key": "unsent", value: text, onfocus: (event) => event.target.select() }));
}

export function renderBelow(root) {
  show(root, h("div", { class: "below", "aria-live": "polite" }, modelBanner(), trouble(), state.hint ? h("p", { class: "quiet" }, state.hint) : null, ending(), moment(), quickReplies()), contextGauge());
}

function trouble() {
  if (state.sendError) return problem(state.sendError.message, state.sendError.canWait && button(t("try_again"), "send-again", sendAgain, "retry"));
  const message = lastMessage();
  if (!message || message.role !== "assistant" || isBusy()) return null;
  const again = button(t("try_again"), "retry", () => retry(message.id), "retry");
  const onward = message.text.trim() ? button(t("go_on"), "go-on", () => goOn(message.id)) : null;
  if (message.state === "error") return problem(message.error?.message ?? t("answer_failed"), onward, again);
  if (message.state === "interrupted") return problem(message.error?.message ?? t("answer_interrupted"), onward, again);
  if (message.state === "stopped") return remark(t("answer_stopped"), onward, again);
  if (message.state === "cut_off") return remark(t("answer_cut_off"), onward);
  return null;
}

const button = (label, key, onclick, picture) => h("button", { class: "button small", type: "button", "data-key": key, onclick }, picture ? icon(picture) : null, label);
const problem = (words, ...ways) => h("div", { class: "problem", role: "alert" }, h("span", {}, words), ways);
const remark = (words, ...ways) => h("div", { class: "remark" }, h("span", {}, words), ways);

function quickReplies() {
  const replies = scenarioOf(state.conversation)?.quick_replies ?? [];
  if (replies.length === 0 || isBusy() || ownMessages().length > 0 || state.sendError?.isTyped || !state.conversation) return null;
  return h(
    "div",
    { class: "quick", role: "group", "aria-label": t("quick_replies") },
    replies.map((reply) => h("button", { class: "chip", type: "button", "data-key": `quick-${reply}`, onclick: () => offer(reply) }, reply)),
  );
}

/** A whole sentence is said at once; one that breaks off ("On an ordinary day I ...") is the visitor's to finish. */
function offer(reply) {
  const beginning = reply.replace(/\s*(\.\.\.|…)$/, " ");
  if (beginning === reply) return say(reply);
  saveDraft(state.conversation.id, beginning);
  repaint({ text: beginning });
  document.querySelector("#message textarea")?.focus();
}

function waitingWords() {
  return t(state.model?.state === "starting" ? "mark_model_starts" : "mark_thinking", { name: partnerName() });
}

/** What stands under an answer in the transcript, in words, or null. */
export function markOf(message) {
  if (message.role !== "assistant") return null;
  if (message.state === "running") return message.text ? null : waitingWords();
  if (message.state === "stopped") return t("mark_stopped");
  if (message.state === "cut_off") return t("mark_cut_off");
  if (message.state === "interrupted") return t("mark_interrupted");
  if (message.state === "error") return message.text ? t("mark_broken") : t("mark_failed");
  return beginningMark(message);
}
