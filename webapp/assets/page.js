// The visitor's page: puts the pieces together. `state.js` holds what is known, `actions.js` changes it, each slot
// (webapp/components/slots.py) shows a part of it, `painter.js` the native transcript, `live.js` brings the news.

import { sayWhatHappened } from "./account.js";
import { followAddress, frames, loadScenarios, refreshConversation, send, stop } from "./actions.js";
import { call } from "./api.js";
import { laterDebriefs, renderComparison } from "./comparison.js";
import { renderConversations } from "./conversations.js";
import { renderDebrief } from "./debrief.js";
import { saveDraft } from "./drafts.js";
import { refreshFeedback } from "./feedback_actions.js";
import { mountAnnouncer } from "./announce.js";
import { hearOfConnection, watchConnection } from "./connection.js";
import { copyAsSaid } from "./inert.js";
import { nameGradiosElements } from "./labels.js";
import { Live } from "./live.js";
import { beginNotices } from "./notice.js";
import { refreshMine, renderMine } from "./mine.js";
import { paint, redecorate, usePainter } from "./painter.js";
import { refreshProgress, renderProgress } from "./progress.js";
import { renderScenarios } from "./scenarios.js";
import { mountShortcuts } from "./shortcuts.js";
import { change, isFinal, state, watch } from "./state.js";
import { takeDroppedFiles } from "./talk_files.js";
import { catchUp, refreshDeletions, refreshList } from "./talk_list.js";
import { renderBelow, renderHeader } from "./talk.js";
import { LANGUAGE } from "./words.js";

const ASLEEP_MS = 30000;

/** What each slot shows, and on what it depends: it is drawn again only when one of these has changed. */
const SLOTS = {
  conversations: [renderConversations, (s) => [s.renaming ?? s.list, s.listTotal, s.listNext, s.isLoadingMore, s.moreError, s.listError, s.renaming, s.renameError, s.openMenu, s.isManaging, s.isAskingAll, s.isBringing, s.deletions, s.search, s.listRange, s.conversation?.id, s.view, s.me, s.scenarios]],
  scenarios: [renderScenarios, (s) => [s.scenarios, s.scenariosError, s.talkLanguage, s.chosenScenario, s.isStarting, s.startError, s.list, ...modelNews(s)]],
  courses: [renderProgress, (s) => [s.view, s.progress, s.progressError]],
  comparison: [renderComparison, (s) => [s.view, s.comparison, s.comparisonError]],
  "my-data": [renderMine, (s) => [s.view, s.mine, s.mineError, s.leaving, s.left, s.link, s.linked, s.tokens, s.account, s.me]],
  "talk-header": [renderHeader, (s) => [s.conversation, s.messages, s.missing, s.sending, s.sendError, s.scenarios, s.pane, s.feedback, s.feedbacks, s.isAskingFeedback]],
  "below-transcript": [renderBelow, (s) => [s.conversation, s.messages, s.sending, s.sendError, s.hint, s.scenarios, s.moment, s.wrappingUp, s.feedbacks, ...modelNews(s)]],
  debrief: [renderDebrief, (s) => (s.disputing ? [s.disputing] : [s.view, s.missing, s.messages, s.feedback, s.feedbacks, s.feedbackError, s.askError, s.isAskingFeedback, s.notificationAnswer, s.again, s.moment, laterDebriefs(), ...waitingNews(s)])],
};

const modelNews = (s) => [s.isConnected, s.model?.state, s.model?.state === "starting" ? seconds() : 0];
const waitingNews = (s) => (s.feedback && !isFinal(s.feedback) ? modelNews(s) : []);
const seconds = () => Math.floor(Date.now() / 1000);

// Gradio calls these (pages/chat/events.py).
window.debrief = { send, stop, paint };

const mounted = new Map(); // slot name -> {root, drawnFor}
const isPainter = (name) => name === "painter";

function mount({ name, element, trigger }) {
  if (isPainter(name)) return usePainter(trigger);
  mounted.set(name, { root: element.querySelector(".slot") ?? element, drawnFor: null });
  draw(name);
  if (name === "conversations") requestAnimationFrame(openSidebarOnDesktops);
}

function draw(name) {
  const place = mounted.get(name);
  const [render, dependsOn] = SLOTS[name];
  const now = dependsOn(state);
  if (place.drawnFor && place.drawnFor.length === now.length && now.every((value, at) => Object.is(value, place.drawnFor[at]))) return;
  place.drawnFor = now;
  render(place.root);
}

function drawAll() {
  document.body.dataset.view = state.missing ? "missing" : state.view;
  document.body.dataset.pane = state.pane;
  for (const name of mounted.keys()) draw(name);
  nameGradiosElements();
}

/** Korean and other input methods use Enter to finish a syllable; that Enter must not send (keyCode 229: Safari). */
function guardComposition(event) {
  if (event.key !== "Enter" && event.keyCode !== 229) return;
  if ((event.isComposing || event.keyCode === 229) && event.target.closest?.("#message")) event.stopImmediatePropagation();
}

function listen() {
  for (const kind of ["keydown", "keypress"]) window.addEventListener(kind, guardComposition, { capture: true });
  window.addEventListener("popstate", followAddress);
  document.addEventListener("input", (event) => {
    if (state.conversation && event.target.closest?.("#message")) saveDraft(state.conversation.id, event.target.value);
  });
  setInterval(() => state.model?.state === "starting" && change(), 1000);
}

let hiddenAt = 0;

function refreshWhenLookedAt() {
  if (document.visibilityState === "hidden") {
    hiddenAt = Date.now();
    return;
  }
  catchUp();
  if (state.view === "progress") refreshProgress();
  if (state.view === "mine") refreshMine();
  if (Date.now() - hiddenAt < ASLEEP_MS || !state.conversation) return;
  refreshConversation(state.conversation.id);
  refreshFeedback(state.conversation.id);
}

function openSidebarOnDesktops() {
  if (!matchMedia("(min-width: 1000px)").matches) return;
  const button = document.querySelector(".sidebar:not(.open) .toggle-button");
  button?.click();
}

function iAm(me) {
  change({ me });
  sayWhatHappened();
}

function begin() {
  document.documentElement.lang = LANGUAGE;
  state.talkLanguage = LANGUAGE;
  watch(drawAll);
  watch(redecorate);
  listen();
  copyAsSaid();
  mountAnnouncer();
  mountShortcuts();
  beginNotices();
  takeDroppedFiles();
  const waiting = window.debriefSlots ?? [];
  window.debriefSlots = { push: mount };
  waiting.forEach(mount);
  drawAll();
  document.addEventListener("visibilitychange", refreshWhenLookedAt);
  const live = new Live((kind, data) => frames[kind](data, live), hearOfConnection);
  watchConnection(live);
  live.start();
  loadScenarios();
  refreshList();
  refreshDeletions({ isFirst: true });
  call("GET", "me").then(iAm, () => {});
  followAddress();
}

begin();
