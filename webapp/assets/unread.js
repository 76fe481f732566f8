// Debriefs that became ready: a number in the tab's title while nobody looks, a notification for those who asked for
// one, and the note that the words have been before somebody's eyes.

import { openConversation } from "./actions.js";
import { markSeen } from "./feedback_actions.js";
import { change, state } from "./state.js";
import { refreshList } from "./talk_list.js";
import { t } from "./words.js";

const TITLE = "Debrief";
const WISH = "debrief-tell-me";
const unread = new Set(); // ids of debriefs that became ready while this tab was not looked at

const isLookedAt = () => document.visibilityState === "visible";

/** A frame of the live stream told how a debrief stands. */
export function hearOfReadiness(feedback) {
  if (feedback.seen) unread.delete(feedback.id);
  else if (feedback.shown && !isLookedAt() && !unread.has(feedback.id)) {
    unread.add(feedback.id);
    notify(feedback);
  }
  writeTitle();
}

function writeTitle() {
  document.title = unread.size ? `(${unread.size}) ${TITLE}` : TITLE;
}

document.addEventListener("visibilitychange", () => {
  if (!isLookedAt()) return;
  unread.clear();
  writeTitle();
});

// ---- seen: some of the words were on the screen of a tab that is looked at -------------------------------------

const eyes = new IntersectionObserver(async (entries) => {
  const { feedback } = state;
  if (!entries.at(-1).isIntersecting || !isLookedAt() || !feedback?.body || feedback.seen) return;
  eyes.disconnect();
  if (await markSeen(feedback.id)) refreshList();
});

/** Watch the debrief that was just drawn into `root` until it has been seen. */
export function watchForEyes(root) {
  eyes.disconnect();
  const words = root.querySelector(".debrief-body");
  if (words && !state.feedback.seen) eyes.observe(words);
}

// ---- notification: asked for on a click, never by itself -------------------------------------------------------

/** Phones take notifications from service workers only; there the offer would be a promise that is not kept. */
const canNotify = () => "Notification" in globalThis && isSecureContext && matchMedia("(hover: hover)").matches;

/** "offer", "wished", "denied" or "none": what there is to say about being told. */
export function notificationWish() {
  if (!canNotify()) return "none";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && readWish() ? "wished" : "offer";
}

export async function wishForNotification() {
  const answer = await Notification.requestPermission();
  if (answer === "granted") writeWish(true);
  change({ notificationAnswer: answer });
}

export function forgetWish() {
  writeWish(false);
  change({ notificationAnswer: null });
}

function notify({ id, conversation_id: conversationId }) {
  if (notificationWish() !== "wished") return;
  const note = new Notification(TITLE, { body: t("notification"), tag: id }); // one for all tabs: the same tag
  note.onclick = () => {
    focus();
    openConversation(conversationId, { push: true });
    note.close();
  };
}

function readWish() {
  try {
    return localStorage.getItem(WISH) === "yes";
  } catch {
    return false;
  }
}

function writeWish(isWished) {
  try {
    if (isWished) localStorage.setItem(WISH, "yes");
    else localStorage.removeItem(WISH);
  } catch {
    // Storage may be switched off; then the wish cannot be kept.
  }
}
