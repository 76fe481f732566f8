// Painting the native Chatbot and message box from the state, without asking the server.
//
// The hidden component "painter" fires its `select` event; that event has no Python function, only a JavaScript one
// (`paint`, see pages/chat/events.py) whose answer becomes the components' values.

import { state, isBusy } from "./state.js";
import { markOf } from "./talk.js";
import { inert } from "./inert.js";
import { nameGradiosElements } from "./labels.js";
import { rows } from "./marks.js";
import { markQuotedMessages } from "./quotes.js";

const PAINT_EVERY_MS = 50;
const NO_CHANGE = { __type__: "update" };

let trigger = null;
let timer = 0;
let paintedAt = 0;
let boxText; // what the message box shall hold after the next painting, or who tells it then; undefined: leave it alone
let wasBusy = false;
let goesToEnd = false;

export function usePainter(fire) {
  trigger = fire;
  repaint();
}

/** Paint soon: at most every 50 ms, the newest state. `text` also sets the message box, a function is asked
 * when it is painted; `toEnd` shows the last words. */
export function repaint({ text, toEnd = false } = {}) {
  if (text !== undefined) boxText = text;
  goesToEnd ||= toEnd;
  if (!trigger || timer) return;
  const wait = Math.max(0, PAINT_EVERY_MS - (performance.now() - paintedAt));
  timer = setTimeout(() => {
    timer = 0;
    paintedAt = performance.now();
    trigger("select", {});
  }, wait);
}

/** The new values of [transcript, message box]. */
export function paint() {
  requestAnimationFrame(() => requestAnimationFrame(decorate));
  return [transcript(), messageBox()];
}

function transcript() {
  const shown = state.messages.map(({ role, text }) => bubble(role, text));
  if (state.sending && state.conversation) shown.push(bubble("user", state.sending.text));
  return shown;
}

const bubble = (role, text) => ({
  role,
  metadata: { title: null },
  options: [],
  content: [{ type: "text", text: inert(text) || "\u200b" }],
});

function messageBox() {
  const busy = isBusy();
  const update = { ...NO_CHANGE };
  if (busy !== wasBusy) Object.assign(update, { submit_btn: !busy, stop_btn: busy });
  if (boxText !== undefined) update.value = typeof boxText === "function" ? boxText() : boxText;
  wasBusy = busy;
  boxText = undefined;
  return update;
}

/** What Gradio's rows do not carry: how an answer ended, in words, and whose message it is. */
function decorate() {
  for (const [at, row] of rows().entries()) {
    const message = state.messages[at];
    setOrDrop(row, "data-mark", message ? markOf(message) : null);
    setOrDrop(row, "data-state", message?.state ?? (state.sending ? "sending" : null));
    setOrDrop(row, "data-empty", message && !message.text ? "yes" : null);
    setOrDrop(row, "data-message", message?.id ?? null);
  }
  markQuotedMessages();
  nameGradiosElements();
  if (!goesToEnd) return;
  goesToEnd = false;
  const scroller = document.querySelector("#transcript .bubble-wrap");
  scroller?.scrollTo({ top: scroller.scrollHeight });
}

function setOrDrop(element, name, value) {
  if (value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  } else {
    element.removeAttribute(name);
  }
}
