// Showing a quoted sentence in Gradio's transcript: scroll to its message, mark the row and the words.

import { inert } from "./inert.js";

const MARK_MS = 8000;
const WAIT_FOR_ROW_MS = 20000;
let timer = 0;

/** The rows of the native transcript, one a message. */
export const rows = () => [...document.querySelectorAll("#transcript .message-row")];

/** Scroll to the row and mark it, and the words where they are found in it. */
export function markRow(row, quote) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  row.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
  clearMarks();
  row.classList.add("quoted");
  markWords(row, quote);
  clearTimeout(timer);
  timer = setTimeout(clearMarks, MARK_MS);
}

/** The same for a message by its id, as soon as the transcript shows it. */
export function showMessage(id, quote) {
  const find = () => document.querySelector(`#transcript .message-row[data-message="${CSS.escape(id)}"]`);
  if (find()) return markRow(find(), quote);
  const watcher = new MutationObserver(() => {
    if (!find()) return;
    watcher.disconnect();
    markRow(find(), quote);
  });
  watcher.observe(document.querySelector("#transcript"), { subtree: true, childList: true, attributes: true, attributeFilter: ["data-message"] });
  setTimeout(() => watcher.disconnect(), WAIT_FOR_ROW_MS);
}

export function clearMarks() {
  for (const row of rows()) row.classList.remove("quoted");
  globalThis.CSS?.highlights?.delete("quote");
}

/** Highlight the words themselves where they stand in one text node; the row is marked in any case. */
function markWords(row, said) {
  if (!globalThis.Highlight) return;
  const quote = inert(said);
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.indexOf(quote);
    if (at < 0) continue;
    const range = new Range();
    range.setStart(node, at);
    range.setEnd(node, at + quote.length);
    CSS.highlights.set("quote", new Highlight(range));
    return;
  }
}
