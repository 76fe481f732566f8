// Painting the native Chatbot and message box from the state, without asking the server.
//
// The hidden component "painter" fires its `select` event; that event has no Python function, only a JavaScript one
// (`paint`, see pages/chat/events.py) whose answer becomes the components' values.

import { isBusy, shownMessages, state } from "./state.js";
import { markOf } from "./talk.js";
import { nameGradiosElements } from "./labels.js";
import { decorateContext, readsFrom } from "./context.js";
import { inertWithFormulas } from "./inert.js";
import { rows } from "./marks.js";
import { decorateTools } from "./message_tools.js";
import { markQuotedMessages } from "./quotes.js";
import { decorateWindow } from "./windows.js";

const PAINT_EVERY_MS = 50;
const PAINT_SELDOM_MS = 250;
const FRAME_MS = 1000 / 60;
const REST = 3; // a painting that takes long is followed by so many times its length for everything else
const LATE_FRAMES = 300; // so long is looked for rows that Gradio has not drawn after the first two frames
const NO_CHANGE = { __type__: "update" };

let trigger = null;
let timer = 0;
let paintedAt = 0;
let tookMs = 0;
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
  const pause = Math.min(PAINT_SELDOM_MS, Math.max(PAINT_EVERY_MS, REST * tookMs));
  const wait = Math.max(0, pause - (performance.now() - paintedAt));
  timer = setTimeout(() => {
    timer = 0;
    paintedAt = performance.now();
    trigger("select", {});
  }, wait);
}

/** The new values of [transcript, message box]. */
export function paint() {
  const began = performance.now();
  requestAnimationFrame(() => {
    requestAnimationFrame(() => {
      decorate();
      if (isDrawing()) decorateWhenDrawn(LATE_FRAMES);
      tookMs = Math.max(0, performance.now() - began - 2 * FRAME_MS); // the two frames were waited for
    });
  });
  return [transcript(), messageBox()];
}

function transcript() {
  const shown = shownMessages().map(bubbleOf);
  if (state.sending && state.conversation) shown.push(bubble("user", state.sending.text));
  return shown;
}

const painted = new WeakMap(); // message -> {text, shown}: what has not changed is handed over as the same object

function bubbleOf(message) {
  const known = painted.get(message);
  if (known?.text === message.text) return known.shown;
  const shown = bubble(message.role, message.text);
  painted.set(message, { text: message.text, shown });
  return shown;
}

const bubble = (role, text) => ({
  role,
  metadata: { title: null },
  options: [],
  content: [{ type: "text", text: inertWithFormulas(text) || "\u200b" }],
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
  const messages = shownMessages();
  const from = readsFrom();
  document.querySelector("#transcript")?.toggleAttribute("data-growing", isBusy()); // messages.css spares the rest
  for (const [at, row] of rows().entries()) {
    const message = messages[at];
    setOrDrop(row, "data-mark", message ? markOf(message) : null);
    setOrDrop(row, "data-state", message?.state ?? (state.sending ? "sending" : null));
    setOrDrop(row, "data-empty", message && !message.text ? "yes" : null);
    setOrDrop(row, "data-message", message?.id ?? null);
    decorateContext(row, message, from);
    decorateTools(row, message);
  }
  markQuotedMessages();
  nameGradiosElements();
  decorateWindow();
  if (!goesToEnd || isDrawing()) return;
  goesToEnd = false;
  const scroller = document.querySelector("#transcript .bubble-wrap");
  scroller?.scrollTo({ top: scroller.scrollHeight });
}

const isDrawing = () => rows().length < shownMessages().length;

/** Once more when the last row is there: a slow machine takes longer than two frames, and would end elsewhere. */
function decorateWhenDrawn(framesLeft) {
  requestAnimationFrame(() => {
    if (isDrawing() && framesLeft) decorateWhenDrawn(framesLeft - 1);
    else decorate();
  });
}

/** The tools again, where the state has changed and the rows have not. */
export function redecorate() {
  const messages = shownMessages();
  for (const [at, row] of rows().entries()) {
    if (row.dataset.message && row.dataset.message === messages[at]?.id) decorateTools(row, messages[at]);
  }
}

function setOrDrop(element, name, value) {
  if (value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  } else {
    element.removeAttribute(name);
  }
}
