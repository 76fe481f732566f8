// Where the keyboard is after something was done on purpose.

import { focusSoon } from "./dom.js";
import { openPane } from "./panes.js";
import { state } from "./state.js";

const box = () => document.querySelector("#message textarea");
const hasKeyboard = () => matchMedia("(hover: hover)").matches;

/** After a talk was opened: the message box, or on a phone, whose keyboard would cover the talk, its title. */
export function focusTalk() {
  if (hasKeyboard()) box()?.focus({ preventScroll: true });
  else focusSoon("talk-title");
}

export function focusMessage() {
  if (state.view !== "talk") return;
  openPane("talk");
  box()?.focus();
}

/** What has the focus goes with one of the next drawings (an answer is tried again, an edit is sent): the talk has it. */
export function keepFocusInTalk() {
  const at = document.activeElement;
  if (at === document.body || at?.closest("#transcript, #below-transcript")) focusTalk();
}

/** The button that was pressed is about to go; without this the focus would fall to the top of the page. */
export function keepFocusInBox() {
  if (hasKeyboard() && document.activeElement?.matches("#message button")) box()?.focus();
}
