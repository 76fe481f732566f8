// What the visitor can do with one message: another answer, other words, another version, going on, rating, copying.

import { answerTo, hasEnded, refreshConversation, refreshSoon } from "./actions.js";
import { call, newRequestId } from "./api.js";
import { focusSoon } from "./dom.js";
import { keepFocusInTalk } from "./focus.js";
import { Growing } from "./live.js";
import { repaint } from "./painter.js";
import { change, isBusy, state } from "./state.js";
import { t } from "./words.js";

const COPIED_MS = 1800;

/** The path up to a message, and the versions of it with a new one among them. */
function upTo(id, newId) {
  const at = state.messages.findIndex((message) => message.id === id);
  if (at < 0) return { before: state.messages, versions: [] };
  const { versions = [] } = state.messages[at];
  return { before: state.messages.slice(0, at), versions: [...(versions.length ? versions : [id]), newId] };
}

/** Ask for something that begins an answer, and show the path that it makes. False when it was refused: `hint` says why. */
async function begin(messageId, action, body, show) {
  const { id } = state.conversation;
  if (isBusy()) {
    change({ hint: t("still_answering") });
    return false;
  }
  change({ hint: null });
  const made = await call("POST", `messages/${messageId}/${action}`, { body: { request_id: newRequestId(), ...body } });
  if (state.conversation?.id !== id) return true;
  if (!state.messages.some((message) => message.id === made.answer_id)) {
    change({ messages: show(made), shownFrom: Math.min(state.shownFrom, Math.max(0, state.messages.length - 1)) });
    if (hasEnded(made.answer_id)) refreshSoon();
  }
  repaint({ toEnd: true });
  keepFocusInTalk();
  return true;
}

/** The same, with the reason of a refusal in the place for hints. */
async function beginOrHint(messageId, action, show) {
  try {
    await begin(messageId, action, {}, show);
  } catch (error) {
    change({ hint: error.message });
    if (error.code === "answer_running") refreshConversation(state.conversation.id);
  }
}

export function retry(answerId) {
  return beginOrHint(answerId, "retry", ({ answer_id: newId }) => {
    const { before, versions } = upTo(answerId, newId);
    return [...before, { ...answerTo(newId), parent_id: before.at(-1)?.id, versions }];
  });
}

/** Have an answer that broke off go on: the same words, and then what follows. */
export function goOn(answerId) {
  return beginOrHint(answerId, "continue", ({ answer_id: newId }) => {
    const { before } = upTo(answerId, newId);
    const begun = state.messages.find((message) => message.id === answerId)?.text ?? "";
    if (!state.growing.has(newId)) state.growing.set(newId, new Growing(begun));
    return [...before, { ...answerTo(newId), parent_id: before.at(-1)?.id }];
  });
}

export function openEdit(message) {
  change({ editing: { id: message.id, text: message.text, isSending: false, error: null }, rating: null, details: null });
}

export function closeEdit() {
  const { editing } = state;
  change({ editing: null });
  if (editing) focusSoon(`edit-${editing.id}`);
}

/** Send what was said anew. What fails says so beside the words, which stay. */
export async function sendEdit() {
  const { editing } = state;
  if (!editing || editing.isSending) return;
  if (!editing.text.trim()) return change({ editing: { ...editing, error: t("edit_empty") } });
  if (isBusy()) return change({ editing: { ...editing, error: t("still_answering") } });
  change({ editing: { ...editing, isSending: true, error: null } });
  try {
    await begin(editing.id, "edit", { text: editing.text }, ({ user_message_id: newId, answer_id: answerId }) => {
      const { before, versions } = upTo(editing.id, newId);
      const said = { id: newId, role: "user", text: editing.text, state: "complete", created_at: new Date().toISOString(), parent_id: before.at(-1)?.id, versions };
      return [...before, said, { ...answerTo(answerId), parent_id: newId }];
    });
    change({ editing: null });
    keepFocusInTalk();
  } catch (error) {
    if (state.editing?.id === editing.id) change({ editing: { ...state.editing, isSending: false, error: error.message } });
  }
}

export async function chooseVersion(id) {
  if (isBusy()) return change({ hint: t("still_answering") });
  change({ hint: null });
  try {
    const { messages, ...conversation } = await call("POST", `messages/${id}/choose`);
    if (state.conversation?.id === conversation.id) change({ conversation, messages, shownFrom: Math.min(state.shownFrom, Math.max(0, messages.length - 1)), editing: null, rating: null, details: null });
  } catch (error) {
    change({ hint: error.message });
  }
  repaint();
}

/** Thumb up or down at once; then there may be reasons. Null takes it back. */
export async function rate(message, value) {
  change({ rating: value ? { id: message.id, value, reasons: [], comment: "", isSending: false, error: null, isDone: false } : null, details: null });
  await keepRating(message.id, { value });
}

export async function sendRating() {
  const { rating } = state;
  if (!rating || rating.isSending) return;
  change({ rating: { ...rating, isSending: true, error: null } });
  const { id, value, reasons, comment } = rating;
  if (await keepRating(id, { value, reasons, comment })) closeRating();
}

/** Close the form. The thumb has the focus again. */
export function closeRating() {
  const { rating } = state;
  change({ rating: null });
  if (rating) focusSoon(`rate-${rating.value}-${rating.id}`);
}

async function keepRating(id, body) {
  try {
    merge(await call("POST", `messages/${id}/rate`, { body }));
    return true;
  } catch (error) {
    if (state.rating?.id === id) change({ rating: { ...state.rating, isSending: false, error: error.message } });
    else change({ hint: error.message });
    return false;
  }
}

/** What is known of a message by now: what its answering took, its versions, its rating. */
export async function refreshMessage(id) {
  try {
    merge(await call("GET", `messages/${id}`));
  } catch {
    // It stays as it is shown; the next reading of the talk brings it.
  }
}

function merge(message) {
  if (!state.messages.some(({ id }) => id === message.id)) return;
  change({ messages: state.messages.map((known) => (known.id === message.id && known.state !== "running" ? message : known)) });
  repaint();
}

/** Copy what is stored, not what is drawn of it. */
export async function copyText(message) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(message.text);
    else copyByHand(message.text); // plain HTTP has no clipboard
  } catch {
    return change({ hint: t("copy_failed") });
  }
  change({ copied: message.id });
  setTimeout(() => state.copied === message.id && change({ copied: null }), COPIED_MS);
}

function copyByHand(text) {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  focused?.focus?.({ preventScroll: true });
  if (!isDone) throw new Error("not copied");
}
