// A short word at the foot of the page about what was just done, with the way back where there is one.

import { h, icon, show } from "./dom.js";
import { change, state, watch } from "./state.js";
import { deletionWords, undo } from "./talk_list.js";
import { t } from "./words.js";

const SHOWN_MS = 10000;
let root = null;
let shown = null;
let timer = 0;

export function beginNotices() {
  root = h("div", { id: "notice", class: "slot", role: "status", "aria-live": "polite" });
  document.body.append(root);
  // It waits for who is about to press something in it.
  for (const kind of ["pointerenter", "focusin"]) root.addEventListener(kind, () => clearTimeout(timer));
  for (const kind of ["pointerleave", "focusout"]) root.addEventListener(kind, wait);
  root.addEventListener("keydown", (event) => event.key === "Escape" && close());
  watch(draw);
}

const close = () => change({ notice: null });

function wait() {
  clearTimeout(timer);
  if (state.notice) timer = setTimeout(close, SHOWN_MS);
}

function draw() {
  if (shown === state.notice) return;
  shown = state.notice;
  show(root, shown ? notice(shown) : null);
  wait();
}

function notice({ deletion, wasOpen, words, isProblem }) {
  return h(
    "div",
    { class: isProblem ? "notice bad" : "notice" },
    h("span", {}, deletion ? deletionWords(deletion) : words),
    deletion ? h("button", { class: "button small", type: "button", "data-key": "notice-undo", onclick: () => undo(deletion, wasOpen) }, t("undo")) : null,
    h("button", { class: "icon-button", type: "button", "aria-label": t("close"), "data-key": "notice-close", onclick: close }, icon("close")),
  );
}
