// From a quote in the debrief to the sentence in the transcript.

import { state } from "./state.js";
import { jumpTo } from "./talk.js";

const MARK_MS = 6000;
let timer = 0;

/** The rows of the native transcript in the order of `state.messages`. */
export const rows = () => [...document.querySelectorAll("#transcript .message-row")];

/** Scroll the transcript to the message of `evidence` and mark the sentence. */
export function showQuote(evidence) {
  const at = state.messages.findIndex((message) => message.id === evidence.message_id);
  const row = rows()[at];
  if (!row) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (matchMedia("(max-width: 899px)").matches) jumpTo("talk");
  row.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
  clear();
  row.classList.add("quoted");
  markWords(row, evidence.quote);
  clearTimeout(timer);
  timer = setTimeout(clear, MARK_MS);
}

function clear() {
  for (const row of rows()) row.classList.remove("quoted");
  globalThis.CSS?.highlights?.delete("quote");
}

/** Highlight the words themselves where they stand in one text node; the row is marked in any case. */
function markWords(row, quote) {
  if (!globalThis.Highlight) return;
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
