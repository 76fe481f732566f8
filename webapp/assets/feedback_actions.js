// What the visitor can do with debriefs, as calls of our routes. `state.feedback` is the one on the page: the newest of
// `state.feedbacks`, unless the visitor chose an earlier one.

import { call } from "./api.js";
import { focusSoon } from "./dom.js";
import { change, isFinal, state } from "./state.js";

/** Read all debriefs of the open talk. */
export async function refreshFeedback(id) {
  try {
    const { items } = await call("GET", `conversations/${id}/feedback`);
    if (state.conversation?.id === id) keep(items);
  } catch (error) {
    if (state.conversation?.id === id && error.status !== 404) change({ feedbackError: error.message });
  }
}

export async function readFeedback(id) {
  try {
    const feedback = await call("GET", `feedback/${id}`);
    if (feedback.conversation_id === state.conversation?.id) keepOne(feedback);
  } catch (error) {
    change({ feedbackError: error.message });
  }
}

/** What a frame of the live stream says of a debrief of the open talk. */
export function hearOfFeedback(progress) {
  const known = state.feedbacks.find((feedback) => feedback.id === progress.id);
  if (!known || isFinal(progress)) readFeedback(progress.id);
  else keepOne({ ...known, ...progress });
}

export async function askFeedback() {
  const { id } = state.conversation;
  if (state.isAskingFeedback) return;
  change({ isAskingFeedback: true, askError: null, feedbackError: null });
  try {
    const feedback = await call("POST", `conversations/${id}/feedback`, { body: {} });
    if (state.conversation?.id === id) {
      change({ earlierFeedback: null });
      keepOne(feedback);
    }
  } catch (error) {
    if (state.conversation?.id !== id) return;
    change({ askError: error.message });
    showAskButton();
  } finally {
    change({ isAskingFeedback: false });
  }
}

/** The reason above the button has pushed it down, on a phone out of sight. */
const showAskButton = () =>
  requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector("[data-key=ask]")?.scrollIntoView({ block: "nearest" })));

/** Show an earlier debrief of the talk, or with the newest one's id the newest again. */
export function chooseFeedback(id) {
  change({ earlierFeedback: id === state.feedbacks[0]?.id ? null : id, disputing: null, feedbackError: null });
  keep(state.feedbacks);
}

export const cancelFeedback = (id) => tell("POST", `feedback/${id}/cancel`);
export const react = (id, helpful) => tell("PUT", `feedback/${id}/reaction`, { helpful });

/** Note that the words have been before the visitor's eyes. Nothing is said when it fails: the next look says it again. */
export async function markSeen(id) {
  try {
    await call("POST", `feedback/${id}/seen`);
  } catch {
    return false;
  }
  keep(state.feedbacks.map((feedback) => (feedback.id === id ? { ...feedback, seen: true } : feedback)));
  return true;
}

/** Send the objection that is being written; what was typed stays until it has arrived. */
/** Close the form. The control that opened it has the focus again. */
export function closeDispute() {
  const { disputing } = state;
  change({ disputing: null });
  if (disputing) focusSoon(`dispute-${disputing.path}`);
}

export async function sendDispute() {
  const { feedbackId, path, comment } = state.disputing;
  change({ disputing: { ...state.disputing, isSending: true, error: null } });
  try {
    keepOne(await call("POST", `feedback/${feedbackId}/disputes`, { body: { path, comment } }));
    closeDispute();
  } catch (error) {
    // Where the words were taken away meanwhile there is no form to say it in.
    if (state.disputing) change({ disputing: { feedbackId, path, comment, isSending: false, error: error.message } });
    else change({ feedbackError: error.message });
  }
}

async function tell(method, path, body = {}) {
  change({ feedbackError: null });
  try {
    keepOne(await call(method, path, { body: method === "PUT" ? body : undefined }));
  } catch (error) {
    change({ feedbackError: error.message });
  }
}

function keepOne(feedback) {
  keep([feedback, ...state.feedbacks.filter(({ id }) => id !== feedback.id)]);
}

function keep(feedbacks) {
  const newestFirst = feedbacks
    .filter((feedback) => feedback.conversation_id === state.conversation?.id)
    .toSorted((one, other) => other.created_at.localeCompare(one.created_at));
  const chosen = newestFirst.find(({ id }) => id === state.earlierFeedback);
  const objectedTo = newestFirst.find(({ id }) => id === state.disputing?.feedbackId);
  change({ feedbacks: newestFirst, feedback: chosen ?? newestFirst[0] ?? null, disputing: objectedTo?.body ? state.disputing : null });
}
