// The talk of the open case. Of a long one Gradio draws a part, and what is read or quoted brings more: a thousand
// messages of Markdown take it seconds, and each look at the page would go through all of them.
//
// What Python gave with the case is the whole talk (`talk_of` in webapp/pages/review/talk.py); the first part is drawn
// by then. Drawing another part needs no server: the hidden "desk-painter" fires an event that has only `paintTalk`.

import { h, show } from "./dom.js";
import { fill, places, words } from "./desk_shared.js";
import { markRow, rows } from "./marks.js";
import { t } from "./words.js";

const MORE = 40;
const AROUND = 20; // messages before and after a quoted one that is far from what is drawn
const SOON_PX = 600; // so near its end, what is drawn grows by itself

let talk = { id: "", messages: [], from: 0, to: 0 };
let clears = false;
let wanted = 0; // counts the wishes: an older one that is still waiting for its rows gives up

fill("desk-painter", () => null);

/** Take over the talk of a case: `{id, messages: [{id, role, content}], shown}`; its first `shown` messages are drawn. */
export function takeTalk({ id = "", messages = [], shown = 0 } = {}) {
  if (id === talk.id) return;
  talk = { id, messages, from: 0, to: shown };
  clears = false;
  wanted += 1;
  whenDrawn(decorate);
}

/** The messages of the rows, in order. */
export const drawnMessages = () => (clears ? [] : talk.messages.slice(talk.from, talk.to));

/** The new value of Gradio's Chatbot. */
export function paintTalk() {
  return [drawnMessages().map(({ role, content }) => ({ role, metadata: { title: null }, options: [], content: [{ type: "text", text: content }] }))];
}

/** Which of the visitor's turns a message is, from 1; 0 where it is none of them. */
export function turnOf(messageId) {
  return talk.messages.filter(({ role }) => role === "user").findIndex(({ id }) => id === messageId) + 1;
}

/** Scroll to a message and mark it, and the words where they are found in it; draw it first where it is not. */
export function showInTalk(messageId, quote) {
  const at = talk.messages.findIndex(({ id }) => id === messageId);
  if (at < 0) return;
  const mark = () => rows()[at - talk.from] && markRow(rows()[at - talk.from], quote);
  if (at >= talk.from && at < talk.to) mark();
  else drawAround(at, mark);
}

function drawAround(at, next) {
  const isNear = at < talk.to + MORE && at >= talk.from - MORE;
  if (isNear) return draw(Math.min(talk.from, at - AROUND), Math.max(talk.to, at + AROUND), next);
  clears = true; // new words in old rows could not be told from the old ones
  paint(() => {
    clears = false;
    draw(at - AROUND, at + AROUND, next);
  });
}

function draw(from, to, next = () => {}) {
  const scroller = document.querySelector("#transcript .bubble-wrap");
  const below = scroller ? scroller.scrollHeight - scroller.scrollTop : 0;
  const isBefore = from < talk.from;
  talk.from = Math.max(0, from);
  talk.to = Math.min(talk.messages.length, to);
  paint(() => {
    decorate();
    if (scroller && isBefore) scroller.scrollTop = scroller.scrollHeight - below; // what was read stays where it is
    next();
  });
}

function paint(next) {
  wanted += 1;
  places.get("desk-painter").trigger("select", {});
  whenDrawn(next);
}

function whenDrawn(next) {
  const mine = wanted;
  const look = () => {
    if (mine !== wanted) return;
    if (rows().length === (clears ? 0 : talk.to - talk.from)) next();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

// ---- what is not drawn, before and after

let reader = null;

const earlier = () => draw(talk.from - MORE, talk.to);
const later = () => talk.to < talk.messages.length && draw(talk.from, talk.to + MORE);

function decorate() {
  const wrap = document.querySelector("#transcript .bubble-wrap");
  if (!wrap) return;
  reader?.disconnect();
  const left = talk.messages.length - talk.to;
  bar(wrap, "earlier", talk.from, t("show_earlier_messages", { n: talk.from }), earlier);
  const after = bar(wrap, "later", left, words("later_messages", { n: left }), later);
  if (!after) return;
  reader = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && later(), { root: wrap, rootMargin: `0px 0px ${SOON_PX}px` });
  reader.observe(after);
}

function bar(wrap, name, count, said, act) {
  let found = wrap.querySelector(`:scope > .${name}-messages`);
  if (!count) found?.remove();
  if (!count) return null;
  found ??= h("div", { class: `slot ${name}-messages` });
  if (name === "earlier") wrap.prepend(found);
  else wrap.append(found);
  show(found, h("button", { class: "button small", type: "button", "data-key": `${name}-messages`, onclick: act }, said));
  return found;
}
