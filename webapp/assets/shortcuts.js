// Keys that lead about the page, the sheet that lists them ("?"), and the link past everything to what matters.
//
// Single letters never count while somebody types, and can be switched off (who speaks to the computer may press them
// without wanting to). Escape stops the answer also from the message box.

import { openConversation, showStart, stop } from "./actions.js";
import { h, icon } from "./dom.js";
import { focusMessage } from "./focus.js";
import { letterOf } from "./letters.js";
import { runningAnswer, state } from "./state.js";
import { t } from "./words.js";
import { lead } from "./wrap_up.js";

const SWITCHED_OFF = "debrief-no-shortcuts";

const SHORTCUTS = [
  { keys: ["n"], words: "key_new", act: () => showStart({ push: true }) },
  { keys: ["/"], words: "key_search", act: () => focusInSidebar("#search") },
  { keys: ["m"], words: "key_message", act: focusMessage },
  { keys: ["d"], words: "key_debrief", act: () => state.view === "talk" && lead() },
  { keys: ["j"], words: "key_next", act: () => openNeighbour(1) },
  { keys: ["k"], words: "key_previous", act: () => openNeighbour(-1) },
  { keys: ["?"], words: "key_sheet", act: openSheet },
];
const FIXED = [
  { keys: ["Enter"], words: "key_send" },
  { keys: ["Shift", "Enter"], words: "key_line" },
  { keys: ["Esc"], words: "key_stop" },
];

export function mountShortcuts() {
  document.addEventListener("keydown", follow);
  document.body.prepend(h("div", { class: "slot skip" }, h("a", { class: "skip-link", href: "#", onclick: skip }, t("skip_link"))));
}

function follow(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return stopAnswer(event);
  if (isTyping(event.target) || isOff()) return;
  const letter = letterOf(event);
  const found = SHORTCUTS.find(({ keys }) => keys[0] === letter);
  if (!found) return;
  event.preventDefault(); // the letter must not arrive in the field that gets the focus
  found.act();
}

const isTyping = (target) => target.closest?.("input:not([type=radio], [type=checkbox], [type=button]), textarea, select, [contenteditable]");

/** Only in the message box or where nothing is typed: in other fields Escape means to leave them. */
function stopAnswer(event) {
  if (isTyping(event.target) && !event.target.closest("#message")) return;
  if (runningAnswer()) stop();
}

function skip(event) {
  event.preventDefault();
  if (state.view === "talk" && !state.missing) return focusMessage();
  const heading = document.querySelector(`#${state.view} h1`); // each view's column carries its name (layout.py)
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
}

function focusInSidebar(selector) {
  document.querySelector(".sidebar:not(.open) .toggle-button")?.click();
  requestAnimationFrame(() => document.querySelector(selector)?.focus());
}

/** The talk below (1) or above (-1) the open one in the list; without an open one, the first. */
function openNeighbour(step) {
  const list = state.list ?? [];
  const at = list.findIndex(({ id }) => id === state.conversation?.id);
  const next = at < 0 ? list[0] : list[at + step];
  if (next) openConversation(next.id, { push: true });
}

// ---- the sheet ------------------------------------------------------------------------------------------------

/** The way to the sheet for who does not know the key; CSS hides it where there is no keyboard. */
export const sheetLink = () => h("button", { class: "quiet-link sheet-link", type: "button", "data-key": "shortcuts", onclick: openSheet }, t("shortcuts"));

export function openSheet() {
  const sheet = h(
    "dialog",
    { class: "slot sheet", "aria-labelledby": "sheet-title", onclose: () => sheet.remove() },
    h("header", {}, h("h2", { id: "sheet-title" }, t("shortcuts")), h("button", { class: "icon-button", type: "button", "aria-label": t("close"), title: t("close"), onclick: () => sheet.close() }, icon("close"))),
    h("dl", {}, [...FIXED, ...SHORTCUTS].filter(isThere).map(line)),
    h("label", { class: "sheet-switch" }, h("input", { type: "checkbox", checked: !isOff(), onchange: (event) => switchOn(event.target.checked) }), t("shortcuts_on")),
  );
  document.body.append(sheet);
  sheet.showModal();
}

const isThere = ({ keys }) => keys[0] !== "/" || document.querySelector("#search");
const line = ({ keys, words }) => h("div", {}, h("dt", {}, t(words)), h("dd", {}, keys.map((key) => h("kbd", {}, key))));

function isOff() {
  try {
    return localStorage.getItem(SWITCHED_OFF) === "yes";
  } catch {
    return false;
  }
}

function switchOn(isOn) {
  try {
    if (isOn) localStorage.removeItem(SWITCHED_OFF);
    else localStorage.setItem(SWITCHED_OFF, "yes");
  } catch {
    // Storage may be switched off; then the keys stay on.
  }
}
