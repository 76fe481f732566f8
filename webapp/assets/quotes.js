// Between the debrief and the transcript, both ways: a quote leads to its sentence, a quoted message to its quotes.

import { h, icon } from "./dom.js";
import { rows, showMessage } from "./marks.js";
import { chooseVersion } from "./message_actions.js";
import { openPane } from "./panes.js";
import { shownMessages, state } from "./state.js";
import { showFrom } from "./windows.js";
import { t } from "./words.js";

const FOUND_MS = 4000;

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
  const places = placesByMessage(state.feedback?.body);
  const messages = shownMessages();
  for (const [at, row] of rows().entries()) {
    const quoting = places.get(messages[at]?.id) ?? [];
    const shown = row.querySelector(":scope > .quoted-by");
    const key = quoting.map(({ part, name }) => `${part} ${name}`).join("\n");
    if ((shown?.dataset.for ?? "") === key) continue;
    shown?.remove();
    if (quoting.length) row.append(marks(messages[at].id, quoting, key));
  }
}

function marks(messageId, quoting, key) {
  return h(
    "div",
    { class: "quoted-by slot", "data-for": key },
    quoting.map(({ part, name }) =>
      h(
        "button",
        { class: "quoted-mark", type: "button", title: t("show_in_debrief"), "aria-label": `${t("show_in_debrief")}: ${name}`, onclick: () => showPart(part, messageId) },
        icon("quote"),
        name,
      ),
    ),
  );
}

/** From message id to the parts that quote it. A criterion stands for the strength or improvement that repeats its quote. */
function placesByMessage(body) {
  const places = new Map();
  const note = (items, kind, nameOf, onlyNew) =>
    items.forEach((item, at) => {
      for (const id of new Set(item.evidence.map((evidence) => evidence.message_id))) {
        if (onlyNew && places.has(id)) continue;
        places.set(id, [...(places.get(id) ?? []), { part: `${kind}.${at}`, name: nameOf(item) }]);
      }
    });
  if (!body) return places;
  note(body.criteria, "criteria", (result) => result.name, false);
  note(body.improvements, "improvements", () => t("improvements"), true);
  note(body.strengths, "strengths", () => t("strengths"), true);
  return places;
}

let timer = 0;

/** Scroll the debrief to a part, mark it, and put the focus on its quote of the message. */
function showPart(part, messageId) {
  const place = document.querySelector(`.debrief [data-part="${part}"]`);
  if (!place) return;
  openPane("debrief");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
  place.querySelector(`.quote[data-message="${CSS.escape(messageId)}"]`)?.focus({ preventScroll: true });
  for (const other of document.querySelectorAll(".debrief .found")) other.classList.remove("found");
  place.classList.add("found");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("found"), FOUND_MS);
}
