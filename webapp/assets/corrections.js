// "What was changed": a person corrected this debrief, and its visitor can see where. Read when it is opened.

import { CallFailed, call } from "./api.js";
import { sectionView } from "./difference_view.js";
import { h } from "./dom.js";
import { LANGUAGE, t } from "./words.js";

const read = new Map(); // "feedback id, version" -> what the API said

/** Under the notice of a debrief that a person edited; null for any other. */
export function corrections(feedback) {
  if (!feedback.edited) return null;
  const key = `${feedback.id} ${feedback.version_n}`;
  const place = h("div", {}, read.has(key) ? content(read.get(key)) : null);
  const fill = async () => {
    try {
      if (!read.has(key)) read.set(key, await call("GET", `feedback/${feedback.id}/corrections`, { language: LANGUAGE }));
      place.replaceChildren(...content(read.get(key)));
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      place.replaceChildren(h("p", { class: "problem" }, error.message));
    }
  };
  return h(
    "details",
    { class: "corrections", "data-key": `corrections-${key}`, ontoggle: ({ target }) => target.open && fill() },
    h("summary", {}, t("corrections")),
    place,
  );
}

/** Who never saw the words before is told where something was changed, not what stood there. */
function content({ was_shown: wasShown, sections }) {
  const lead = sections.length === 0 ? "corrections_only_out" : wasShown ? "corrections_shown" : "corrections_unseen";
  return [h("p", { class: "quiet" }, t(lead)), ...sections.map((section) => sectionView(section))];
}
