// What the visitor can do, as calls of our routes. Each keeps the state honest: what failed says so, no text is lost.

import { refreshMoment } from "./again.js";
import { announceAnswer, announceDebrief } from "./announce.js";
import { call, newRequestId } from "./api.js";
import { showComparison } from "./comparison.js";
import { focusSoon } from "./dom.js";
import { draftOf, forgetDraft, forgetSending, keepSending, saveDraft, sendingOf } from "./drafts.js";
import { hearOfFeedback, refreshFeedback } from "./feedback_actions.js";
import { hearThatAllIsGone } from "./leaving.js";
import { focusTalk, keepFocusInBox } from "./focus.js";
import { Growing } from "./live.js";
import { takeLink } from "./linking.js";
import { refreshMessage } from "./message_actions.js";
import { showMine } from "./mine.js";
import { takeReturn } from "./provider.js";
import { repaint } from "./painter.js";
import { showProgress } from "./progress.js";
import { change, isBusy, lastMessage, ownMessages, runningAnswer, state } from "./state.js";
import { hearOfList, refreshList } from "./talk_list.js";
import { hearOfReadiness } from "./unread.js";
import { windowOf } from "./windows.js";
import { LANGUAGE, t } from "./words.js";

const LONG_WAIT_S = 120;
const PLACES = ["c", "compare", "view"];

// ---- where we are ---------------------------------------------------------------------------------------------

/** Make the address name what is shown: `{c}` a talk, `{compare}` a debrief, `{view}` a page; nothing: the start. */
export function go(place, push) {
  const url = new URL(location.href);
  for (const name of PLACES) url.searchParams.delete(name);
  for (const [name, value] of Object.entries(place)) url.searchParams.set(name, value);
  if (url.href !== location.href) history[push ? "pushState" : "replaceState"](null, "", url);
}

export const NOTHING_OPEN = {
  conversation: null,
  messages: [],
  missing: null,
  sendError: null,
  hint: null,
  shownFrom: 0,
  details: null,
  rating: null,
  editing: null,
  copied: null,
  feedback: null,
  feedbacks: [],
  earlierFeedback: null,
  feedbackError: null,
  askError: null,
  disputing: null,
  again: null,
  moment: null,
  comparing: null,
  pane: "talk",
  wrappingUp: false,
};

export function showStart({ push = false } = {}) {
  go({}, push);
  change({ ...NOTHING_OPEN, view: "start", chosenScenario: null, startError: null, isStarting: false });
  repaint();
  closeSidebarOnPhones();
  if (push) focusSoon("start-title");
  if (state.scenarios === null) loadScenarios();
}

/** `at`: a message of it that is to be shown, instead of its end. */
export async function openConversation(id, { push = false, at = null } = {}) {
  go({ c: id }, push);
  change({ ...NOTHING_OPEN, view: "talk", conversation: { id, title: t("loading"), scenario: null } });
  repaint({ text: draftOf(id) });
  closeSidebarOnPhones();
  await refreshConversation(id);
  repaint({ toEnd: at === null });
  if (push) focusTalk();
  await Promise.all([refreshFeedback(id), refreshMoment(id)]);
}

/** Follow the address: at load, and when the visitor goes back or forward. */
export function followAddress() {
  if (takeLink()) return showMine();
  if (takeReturn()) return state.returned.kind === "problem" ? showMine() : showStart();
  const { c: id, compare, view } = Object.fromEntries(new URL(location.href).searchParams);
  if (compare) showComparison(compare);
  else if (view === "progress") showProgress();
  else if (view === "data") showMine();
  else if (!id) showStart();
  else if (id !== state.conversation?.id) openConversation(id);
}

export function closeSidebarOnPhones() {
  if (matchMedia("(min-width: 1000px)").matches) return;
  const sidebar = document.querySelector(".sidebar.open");
  sidebar?.querySelector(".toggle-button")?.click();
}

// ---- reading --------------------------------------------------------------------------------------------------

export async function loadScenarios() {
  const language = state.talkLanguage ?? LANGUAGE;
  try {
    const { items } = await call("GET", "scenarios", { language });
    if (language !== (state.talkLanguage ?? LANGUAGE)) return; // chosen otherwise meanwhile
    scenariosLanguage = language;
    change({ scenarios: items, scenariosError: null });
  } catch (error) {
    change({ scenariosError: error.message });
  }
}

/** Read the stored conversation. What a running answer has shown already is not taken back. */
export async function refreshConversation(id) {
  let stored;
  try {
    stored = await call("GET", `conversations/${id}`);
  } catch (error) {
    if (state.conversation?.id !== id) return;
    if (error.status === 404) change({ missing: error.message, messages: [] });
    else change({ hint: error.message });
    repaint();
    return;
  }
  if (state.conversation?.id !== id) return;
  const { messages, ...conversation } = stored;
  for (const message of messages.filter(({ state: how }) => how === "running")) {
    rememberRunning(message);
    if (ended.has(message.id)) refreshSoon(); // this reading was under way when the answer ended
  }
  const isFirstLook = state.messages.length === 0;
  const shownFrom = isFirstLook ? windowOf(messages) : Math.min(state.shownFrom, Math.max(0, messages.length - 1));
  change({ conversation, messages, shownFrom, missing: null, talkLanguage: conversation.language ?? state.talkLanguage });
  forgetArrived(id);
  if (scenarioLanguageDiffers(conversation)) loadScenarios();
  repaint();
}

/** A sending of which this tab never heard may have arrived all the same: then it is no draft any more. */
function forgetArrived(id) {
  const sent = sendingOf(id);
  if (!sent || state.sending || ownMessages()[sent.turns]?.text !== sent.text) return;
  change({ sendError: null });
  if (draftOf(id) !== sent.text) return forgetSending(id);
  forgetDraft(id);
  if (typed() === sent.text) repaint({ text: "" });
}

let scenariosLanguage = null;
const scenarioLanguageDiffers = ({ language }) => Boolean(language) && language !== scenariosLanguage;

function rememberRunning(message) {
  const known = state.growing.get(message.id);
  if (known && known.points >= [...message.text].length) message.text = known.text;
  else state.growing.set(message.id, new Growing(message.text));
}

// ---- talking --------------------------------------------------------------------------------------------------

export async function start(scenario, answers) {
  change({ isStarting: scenario.id, startError: null });
  try {
    const body = { scenario: scenario.id, answers, language: state.talkLanguage ?? LANGUAGE };
    const { id } = await call("POST", "conversations", { body });
    await openConversation(id, { push: true });
    change({ chosenScenario: null });
  } catch (error) {
    change({ startError: error.message });
  } finally {
    change({ isStarting: false });
    refreshList();
  }
}

/**
 * Send what stands in the box. The promise's value is what stays in the box: nothing when it is on its way.
 * When sending fails the text is put back.
 */
export async function send(text) {
  if (state.sending?.text === text) return ""; // the same Enter twice
  if (!text.trim() || !state.conversation) return text;
  if (isBusy()) {
    change({ hint: t("still_answering") });
    return text;
  }
  deliver(text);
  keepFocusInBox();
  return "";
}

/** Say something that was not typed: a quick reply. */
export const say = (text) => !isBusy() && deliver(text, { isTyped: false });

/** Send again what could not be sent, as it stands in the box by now. Unchanged it is the same sending, which can never arrive twice. */
export function sendAgain() {
  const { text, isTyped } = state.sendError;
  if (isBusy()) return;
  if (!isTyped) return deliver(text, { isTyped });
  const now = typed();
  repaint({ text: "" });
  return deliver(now.trim() ? now : text);
}

const typed = () => document.querySelector("#message textarea")?.value ?? "";

async function deliver(text, { isTyped = true } = {}) {
  const { id } = state.conversation;
  const failed = [state.sendError, sendingOf(id)].find((before) => before?.text === text);
  const sending = { text, requestId: failed?.requestId ?? newRequestId(), turns: failed?.turns ?? ownMessages().length };
  change({ sending, sendError: null, hint: null });
  keepSending(id, sending);
  repaint({ toEnd: true });
  try {
    const body = { text, request_id: sending.requestId };
    const { user_message_id: userId, answer_id: answerId } = await call("POST", `conversations/${id}/messages`, { body });
    forgetDraft(id);
    if (state.conversation?.id === id) addTurn(text, userId, answerId);
  } catch (error) {
    const kept = isTyped && state.conversation?.id === id ? restored(text) : text;
    saveDraft(id, kept);
    if (state.conversation?.id !== id) return;
    const message = error.status === 404 ? t("talk_gone") : error.message;
    change({ sendError: { ...sending, isTyped, message, canWait: isWorthTrying(error) } });
    if (isTyped) repaint({ text: () => restored(text) }); // what is typed until it is painted counts too
    if (error.code === "answer_running") refreshConversation(id);
  } finally {
    if (state.sending === sending) change({ sending: null });
    repaint();
  }
}

/** Whether the same text may be taken a little later: not where it is too long, or refused for the rest of the day. */
const isWorthTrying = ({ status, retryAfterS }) => (status === 429 ? retryAfterS <= LONG_WAIT_S : status === 0 || status === 409 || status >= 500);

/** What is put back stands before what was typed since. */
function restored(text) {
  const since = typed();
  return since && since !== text ? `${text}\n${since}` : text;
}

function addTurn(text, userId, answerId) {
  if (state.messages.some(({ id }) => id === answerId)) return; // the live stream was faster
  const now = new Date().toISOString();
  const user = { id: userId, role: "user", text, state: "complete", created_at: now };
  change({ messages: [...state.messages, user, answerTo(answerId)] });
  if (ended.has(answerId)) refreshSoon();
}

export function answerTo(answerId) {
  const growing = state.growing.get(answerId) ?? new Growing();
  state.growing.set(answerId, growing);
  return { id: answerId, role: "assistant", text: growing.text, state: "running", created_at: new Date().toISOString() };
}

export async function stop() {
  const { id } = state.conversation ?? {};
  if (!id) return;
  keepFocusInBox();
  try {
    await call("POST", `conversations/${id}/stop`);
  } catch (error) {
    change({ hint: error.message });
  }
}

// ---- frames of the live stream --------------------------------------------------------------------------------

/** Answers whose end was heard. The end can be faster than the response that tells the answer's id. */
const ended = new Set();
export const hasEnded = (answerId) => ended.has(answerId);
let refreshTimer = 0;

/** Frames of an answer come faster than this waits: a wait that each of them began anew would never end. */
export const refreshSoon = () => {
  refreshTimer ||= setTimeout(() => {
    refreshTimer = 0;
    if (state.conversation) refreshConversation(state.conversation.id);
  }, 100);
};

/** How each kind of frame changes the page. `live` is asked to begin again when something is missing. */
export const frames = {
  hello({ model, running }) {
    frames.model(model);
    const open = runningAnswer();
    if (open && !running.includes(open.id)) refreshSoon();
  },

  model(model) {
    change({ model: { ...model, heardAt: Date.now() } });
  },

  turn({ conversation_id: id, answer_id: answerId }) {
    if (id !== state.conversation?.id || state.messages.some((message) => message.id === answerId)) return;
    if (!state.sending) refreshSoon();
  },

  path({ conversation_id: id, leaf_id: leafId }) {
    if (id === state.conversation?.id && !isBusy() && lastMessage()?.id !== leafId) refreshSoon();
  },

  answer({ id, conversation_id: conversationId, seq, text }, live) {
    if (conversationId !== state.conversation?.id) return;
    const growing = state.growing.get(id) ?? new Growing();
    state.growing.set(id, growing);
    if (!growing.put(seq, text)) return live.restart();
    const message = state.messages.find((known) => known.id === id);
    if (!message) {
      if (!state.sending) refreshSoon();
      return;
    }
    if (message.state !== "running") return;
    message.text = growing.text;
    repaint();
  },

  done({ id, conversation_id: conversationId, state: how, error, length }) {
    ended.add(id);
    if (conversationId !== state.conversation?.id) return;
    const growing = state.growing.get(id);
    state.growing.delete(id);
    const message = state.messages.find((known) => known.id === id);
    if (!message) {
      if (!state.sending) refreshSoon();
      return;
    }
    if (!growing || growing.points !== length) return refreshSoon();
    const finished = { ...message, text: growing.text, state: how, error };
    change({ messages: state.messages.map((known) => (known.id === id ? finished : known)), hint: null });
    announceAnswer(finished);
    repaint();
    refreshMessage(id);
  },

  feedback(progress) {
    hearOfReadiness(progress);
    if (progress.conversation_id !== state.conversation?.id) return;
    announceDebrief(progress);
    hearOfFeedback(progress);
  },

  list: hearOfList,
  gone: hearThatAllIsGone,
};
