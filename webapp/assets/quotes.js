// On the visitor's page, between the debrief and the transcript: a quote leads to its sentence, a quoted message to its
// quotes. The review desk's way back is desk_quoted.js.

import { showMessage } from "./marks.js";
import { chooseVersion } from "./message_actions.js";
import { openPane } from "./panes.js";
import { goToPart, markQuoted } from "./quoted_marks.js";
import { shownMessages, state } from "./state.js";
import { showFrom } from "./windows.js";
import { t } from "./words.js";

/** Scroll the transcript to the message of `evidence` and mark the sentence. */
export async function showQuote(evidence) {
  const find = () => state.messages.findIndex((message) => message.id === evidence.message_id);
  if (find() < 0) await chooseVersion(evidence.message_id); // it was said in another version of the talk
  const at = find();
  if (at < 0) return;
  openPane("talk");
  showFrom(at, () => showMessage(evidence.message_id, evidence.quote));
}

/** Under each message that the debrief on the page quotes: which of its parts do. Doing it twice changes nothing. */
export function markQuotedMessages() {
  markQuoted(state.feedback?.body, shownMessages(), t("show_in_debrief"), (part, messageId) => {
    const place = document.querySelector(`.debrief [data-part="${part}"]`);
    if (!place) return;
    openPane("debrief");
    goToPart(place, messageId);
  });
}
