// Under each message of the native transcript: its versions, copy, rating, trying again or saying anew, what it took.
//
// The rows belong to Gradio; each gets one box of ours, which is drawn again only when something that it shows changed.

import { h, icon, show } from "./dom.js";
import { editForm } from "./editing.js";
import { chooseVersion, copyText, openEdit, rate, retry } from "./message_actions.js";
import { ratingForm, THUMBS } from "./rating.js";
import { change, isCopied, state } from "./state.js";
import { dayAndTime, number, t } from "./words.js";

const drawn = new WeakMap(); // row -> what its tools were drawn for

/** Put the tools of `message` under its row; a row without a message of its own loses them. */
export function decorateTools(row, message) {
  const { editing, rating, details, copied } = state;
  const now = [message, message?.state, editing, rating, details, copied];
  if (drawn.get(row)?.every((value, at) => value === now[at])) return;
  drawn.set(row, now);
  let box = row.querySelector(":scope > .tools");
  const isShown = message && message.state !== "running";
  if (!isShown) return box?.remove();
  const key = keyOf(message);
  if (box?.dataset.for === key) return;
  if (!box) row.append((box = h("div", { class: "tools slot" })));
  box.dataset.for = key;
  show(box, bar(message), panel(message));
}

/** All that the tools show, so that equal keys look equal. What is being typed is not among it: it stays as it is. */
function keyOf(message) {
  const { id, state: how, versions = [], rating, total_s: seconds } = message;
  const editing = state.editing?.id === id ? [state.editing.isSending, state.editing.error] : null;
  const asked = state.rating?.id === id ? { ...state.rating, comment: "" } : null;
  return JSON.stringify([id, how, versions, rating, seconds, editing, asked, state.details === id, state.copied === id]);
}

function bar(message) {
  if (state.editing?.id === message.id) return null;
  const isAnswer = message.role === "assistant";
  const isOpening = message.parent_id === null;
  return h(
    "div",
    { class: "tool-bar", role: "group", "aria-label": t(isAnswer ? "answer_tools" : "message_tools") },
    pager(message),
    message.text ? tool(message, "copy", state.copied === message.id ? "check" : "copy", t(state.copied === message.id ? "copied" : "copy"), () => copyText(message)) : null,
    isAnswer && !isOpening ? [message.text ? [thumb(message, "up", "good"), thumb(message, "down", "bad")] : null, tool(message, "retry", "retry", t("another_answer"), () => retry(message.id)), detailsTool(message)] : null,
    isAnswer || isCopied(message) ? null : tool(message, "edit", "pencil", t("say_anew"), () => openEdit(message)),
  );
}

function tool(message, name, picture, label, onclick, more = {}) {
  return h("button", { class: "tool", type: "button", title: label, "aria-label": label, "data-key": `${name}-${message.id}`, "data-tool": name, onclick, ...more }, icon(picture));
}

function pager(message) {
  const { versions = [] } = message;
  const at = versions.indexOf(message.id);
  if (versions.length < 2 || at < 0) return null;
  const step = (name, to, picture, label) => tool({ id: versions[0] }, name, picture, label, () => versions[to] && chooseVersion(versions[to]), versions[to] ? {} : { "aria-disabled": "true" });
  return h(
    "span",
    { class: "pager" },
    step("version-before", at - 1, "back", t("version_before")),
    h("span", { class: "pager-place", role: "status", "aria-label": t("version_of", { n: at + 1, of: versions.length }) }, `${at + 1}/${versions.length}`),
    step("version-after", at + 1, "next", t("version_after")),
  );
}

function thumb(message, value, picture) {
  const isSo = message.rating?.value === value;
  return tool(message, `rate-${value}`, picture, t(THUMBS[value]), () => rate(message, isSo ? null : value), { "aria-pressed": String(isSo) });
}

function detailsTool(message) {
  const isOpen = state.details === message.id;
  return tool(message, "details", "info", t("details"), () => change({ details: isOpen ? null : message.id, rating: null }), { "aria-expanded": String(isOpen) });
}

function panel(message) {
  if (state.editing?.id === message.id) return editForm(message);
  if (state.rating?.id === message.id) return ratingForm(message);
  return state.details === message.id ? took(message) : null;
}

function took(message) {
  const { completion_tokens: written, prompt_tokens: read } = message;
  const tokens = [written === null ? null : t("details_written", { n: number(written) }), read === null ? null : t(message.tokens_estimated ? "details_read_about" : "details_read", { n: number(read) })];
  const lines = [
    [t("details_when"), dayAndTime(message.created_at)],
    [t("details_first"), seconds(message.first_token_s)],
    [t("details_total"), seconds(message.total_s)],
    [t("details_tokens"), tokens.filter(Boolean).join(" · ")],
    [t("details_model"), message.model],
  ];
  return h("dl", { class: "took" }, lines.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

const seconds = (value) => (typeof value === "number" ? t("details_seconds", { n: number(value, value < 10 ? 1 : 0) }) : null);
