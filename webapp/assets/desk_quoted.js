// At the review desk, from the talk to the debrief: under each quoted message stand the parts that quote it. A press leads
// to the part, or to its fields while it is written over.

import { desk, words } from "./desk_shared.js";
import { drawnMessages } from "./desk_talk.js";
import { goToPart, markQuoted } from "./quoted_marks.js";
import { rows } from "./marks.js";

/** Called after each change of the page. While Gradio draws, rows and messages do not match yet. */
export function markQuotedByDebrief() {
  const messages = drawnMessages();
  if (rows().length !== messages.length) return;
  markQuoted(desk.facts?.case?.body, messages, words("quoted_in_debrief"), (part, messageId) => {
    const place = document.querySelector(`#desk-card .debrief [data-part="${part}"]`) ?? fieldsOf(part);
    if (place) goToPart(place, messageId);
  });
}

/** The editor names a criterion by its key: its place in the list may be another there. */
function fieldsOf(part) {
  const [kind, at] = part.split(".");
  const where = kind === "criteria" ? `criteria.${desk.facts.case.body.criteria[at].key}` : part;
  return document.querySelector(`#desk-card .desk-editor [data-where="${CSS.escape(where)}"]`);
}
