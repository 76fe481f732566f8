// The desk by keyboard. Other parts add their own with `onKey`. Never while somebody types, and never with a modifier.

import { clearSelection, hasSelection } from "./desk_bulk.js";
import { currentId, pick, step } from "./desk_list.js";
import { focusSearch } from "./desk_search.js";
import { desk, press, words } from "./desk_shared.js";
import { skip } from "./desk_view.js";
import { h } from "./dom.js";
import { letterOf } from "./letters.js";

const keys = new Map(); // key -> {name, run}

/** `name`: its words are key_<name>. `run` gives false when there is nothing to do, which is then said. */
export function onKey(key, name, run) {
  keys.set(key, { name, run });
}

onKey("j", "down", () => step(1));
onKey("k", "up", () => step(-1));
onKey("n", "next", () => press("next"));
onKey("a", "approve", () => press("approve"));
onKey("r", "reject", () => press("reject"));
onKey("s", "skip", () => {
  if (desk.facts?.case) skip(desk.facts.case.id);
  return press("skip");
});
onKey("c", "claim", () => press("claim"));
onKey("x", "select", () => currentId() !== null && pick(currentId()));
onKey("/", "search", () => focusSearch());
onKey("?", "help", openHelp);

function isTyping(target) {
  return target.closest?.("textarea, select, [contenteditable='true'], input:not([type='radio'], [type='checkbox'], [type='button'])");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (document.body.classList.contains("rejecting")) return whileRejecting(event);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave(event.target);
  const known = keys.get(letterOf(event));
  if (!known || isTyping(event.target)) return;
  if (document.body.classList.contains("editing") && event.key !== "?") return; // what is written is left by its buttons
  event.preventDefault();
  if (desk.isBusy) return;
  if (known.run() === false) desk.remark(words("key_not_now"));
});

/** Esc leaves a field first, then the selection. */
function leave(target) {
  if (isTyping(target)) target.blur();
  else if (hasSelection()) clearSelection();
}

/** The panel of a rejection: a number chooses the reason, Enter confirms (with Ctrl in the note), Esc closes it. */
function whileRejecting(event) {
  const { key, target } = event;
  if (key === "Escape") {
    event.preventDefault();
    window.desk.close_reject();
    focusCase();
  } else if (key === "Enter" && (event.ctrlKey || event.metaKey || !target.closest("textarea, button"))) {
    event.preventDefault();
    press("confirm-reject");
  } else if (/^[1-9]$/.test(key) && !isTyping(target)) {
    document.querySelectorAll("#desk-reason input")[Number(key) - 1]?.click();
  }
}

/** After a decision the reader goes on at the head of the next one, not at the top of the page. */
export function focusCase() {
  (document.querySelector("#desk-case-head h2") ?? document.querySelector("#desk-list .desk-line"))?.focus({ preventScroll: true });
}

function openHelp() {
  const rows = [...keys].map(([key, { name }]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words(`key_${name}`))]);
  const more = [["1…6", "reason"], ["Enter", "confirm"], ["Ctrl+Enter", "save"], ["Esc", "escape"]].map(([key, name]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words(`key_${name}`))]);
  const sheet = h(
    "dialog",
    { class: "desk-keys slot", "aria-label": words("keys") },
    h("h2", {}, words("keys")),
    h("dl", {}, rows, more),
    h("button", { class: "button", type: "button", onclick: () => sheet.close() }, words("close")),
  );
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}

export { openHelp };
