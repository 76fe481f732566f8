// On a narrow screen talk and debrief are two panes, one at a time; on a wide one both are there and nothing happens.

import { h } from "./dom.js";
import { change, isFinal, state } from "./state.js";
import { t } from "./words.js";

const NARROW = "(max-width: 899px)";
const PANES = ["talk", "debrief"];

export const isNarrow = () => matchMedia(NARROW).matches;

/** Show the pane at once: what the caller does next may scroll in it. */
export function openPane(pane) {
  document.body.dataset.pane = pane;
  if (state.pane !== pane) change({ pane });
}

/** The two tabs in the header of the talk. CSS hides them on wide screens. */
export function paneTabs() {
  const shown = state.pane;
  return h(
    "div",
    { class: "panes", role: "group", "aria-label": t("panes") },
    PANES.map((pane) =>
      h(
        "button",
        { type: "button", "data-key": `pane-${pane}`, "aria-pressed": String(shown === pane), onclick: () => openPane(pane) },
        t(pane === "talk" ? "pane_talk" : "debrief"),
        pane === "debrief" ? news() : null,
      ),
    ),
  );
}

/** What has happened on the other pane, in a word. */
function news() {
  const { feedback } = state;
  if (!feedback) return null;
  if (!isFinal(feedback)) return h("span", { class: "pane-news" }, h("span", { class: "spinner", "aria-hidden": "true" }), h("span", { class: "sr-only" }, t("state_making")));
  return feedback.body && !feedback.seen ? h("span", { class: "pane-news" }, t("pane_new")) : null;
}
