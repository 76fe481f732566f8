// Under a message that a debrief quotes: which of its parts do, and the way to them. For the visitor and for the reviewer.

import { h, icon } from "./dom.js";
import { rows } from "./marks.js";
import { t } from "./words.js";

const FOUND_MS = 4000;

/**
 * Mark the rows of the transcript. Doing it twice changes nothing.
 *
 * `body`: of the debrief; none: the marks go. `messages`: those of the rows, in order. `said`: what a mark says it is.
 * `go(part, messageId)`: called at a press, with a part such as "criteria.0".
 */
export function markQuoted(body, messages, said, go) {
  const places = placesByMessage(body);
  for (const [at, row] of rows().entries()) {
    const quoting = places.get(messages[at]?.id) ?? [];
    const shown = row.querySelector(":scope > .quoted-by");
    const key = quoting.map(({ part, name }) => `${messages[at].id} ${part} ${name}`).join("\n");
    if ((shown?.dataset.for ?? "") === key) continue;
    shown?.remove();
    if (quoting.length) row.append(marks(messages[at].id, quoting, key, said, go));
  }
}

function marks(messageId, quoting, key, said, go) {
  return h(
    "div",
    { class: "quoted-by slot", "data-for": key },
    quoting.map(({ part, name }) =>
      h(
        "button",
        { class: "quoted-mark", type: "button", title: said, "aria-label": `${said}: ${name}`, onclick: () => go(part, messageId) },
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

/** Scroll to a part, mark it for a moment, and put the focus on its quote of the message, else on its first field. */
export function goToPart(place, messageId) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
  const quote = place.querySelector(`.quote[data-message="${CSS.escape(messageId)}"]`);
  (quote ?? place.querySelector("textarea, input"))?.focus({ preventScroll: true });
  for (const other of document.querySelectorAll(".found")) other.classList.remove("found");
  place.classList.add("found");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("found"), FOUND_MS);
}
