// Of a long talk only the newest messages are painted; earlier ones on demand. A page of Markdown for each of 500
// messages takes seconds to open, and every painting of an answer would look through all of them.

import { h, show } from "./dom.js";
import { repaint } from "./painter.js";
import { change, state } from "./state.js";
import { t } from "./words.js";

const NEWEST = 24;
const MORE = 60;

/** Where painting begins in a talk that is opened: with something that the visitor said. */
export function windowOf(messages) {
  const from = messages.length - NEWEST;
  if (from <= NEWEST / 2) return 0;
  return messages[from].role === "user" ? from : from - 1;
}

let afterPainting = null;

/** Paint from this message on, if it is not there yet, and then do `next`. */
export function showFrom(at, next) {
  if (at >= state.shownFrom) return next();
  const scroller = document.querySelector("#transcript .bubble-wrap");
  const below = scroller ? scroller.scrollHeight - scroller.scrollTop : 0;
  change({ shownFrom: Math.max(0, at) });
  afterPainting = () => {
    if (scroller) scroller.scrollTop = scroller.scrollHeight - below; // what was read stays where it is
    next();
  };
  repaint();
}

/** Once the rows are there: how many messages come before them, as a button that brings some. */
export function decorateWindow() {
  const wrap = document.querySelector("#transcript .bubble-wrap");
  if (!wrap) return;
  let bar = wrap.querySelector(":scope > .earlier-messages");
  if (state.shownFrom === 0 || state.messages.length === 0) bar?.remove();
  else if (bar?.dataset.for !== String(state.shownFrom)) {
    bar ??= h("div", { class: "slot earlier-messages" });
    bar.dataset.for = String(state.shownFrom);
    if (!bar.isConnected) wrap.prepend(bar);
    const more = () => showFrom(state.shownFrom - MORE, () => {});
    show(bar, h("button", { class: "button small", type: "button", "data-key": "earlier-messages", onclick: more }, t("show_earlier_messages", { n: state.shownFrom })));
  }
  const next = afterPainting;
  afterPainting = null;
  next?.();
}
