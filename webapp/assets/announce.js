// What a screen reader is told: an answer when it is finished, not each of its words as they come.
//
// Gradio's transcript is a live region of its own and would read every frame; it is silenced (labels.js). The element
// here is never drawn anew: a live region that is replaced together with its words is not read by all readers.

import { h } from "./dom.js";
import { t } from "./words.js";

const SETTLE_MS = 150;
const told = new Set();
let region = null;
let timer = 0;

export function mountAnnouncer() {
  region = h("div", { class: "sr-only", id: "announcer", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  document.body.append(region);
}

/** Say it once. The same words twice in a row are said twice, because the region is emptied in between. */
export function announce(words) {
  if (!region) return;
  region.textContent = "";
  clearTimeout(timer);
  timer = setTimeout(() => (region.textContent = words), SETTLE_MS);
}

/** An answer of the open talk has ended, well or not. */
export function announceAnswer({ id, text, state: how }) {
  if (told.has(id)) return;
  told.add(id);
  if (how === "complete" || text) announce(t("announce_answer", { text }));
}

/** A debrief of the open talk can be read. */
export function announceDebrief({ id, shown }) {
  if (!shown || told.has(id)) return;
  told.add(id);
  announce(t("notification"));
}
