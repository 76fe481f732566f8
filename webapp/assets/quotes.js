// From a quote in the debrief to the sentence in the visitor's transcript.

import { markRow, rows } from "./marks.js";
import { state } from "./state.js";
import { jumpTo } from "./talk.js";

/** Scroll the transcript to the message of `evidence` and mark the sentence. */
export function showQuote(evidence) {
  const at = state.messages.findIndex((message) => message.id === evidence.message_id);
  const row = rows()[at];
  if (!row) return;
  if (matchMedia("(max-width: 899px)").matches) jumpTo("talk");
  markRow(row, evidence.quote);
}
