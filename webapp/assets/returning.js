// The start page for who has been here before: the way back into the last talk. For a newcomer: what will happen.

import { openConversation } from "./actions.js";
import { focusSoon, h, icon } from "./dom.js";
import { openPane } from "./panes.js";
import { state } from "./state.js";
import { t, when } from "./words.js";

/** The last talk as one wide button, or, without any talk, the three steps. Nothing while the list is on its way. */
export function wayIn() {
  if (!state.list) return null;
  return state.list.length ? wayBack(state.list[0]) : steps();
}

function wayBack({ id, title, updated_at: at, feedback }) {
  const isNew = Boolean(feedback?.unread);
  return h(
    "button",
    { class: "way-back", type: "button", "data-key": "way-back", onclick: () => goOn(id, isNew) },
    h("span", { class: "way-back-icon", "aria-hidden": "true" }, icon(isNew ? "check" : "retry")),
    h("span", { class: "way-back-words" }, h("b", {}, t(isNew ? "way_back_debrief" : "way_back")), h("span", {}, `${title} · ${when(at)}`)),
    icon("arrow"),
  );
}

async function goOn(id, isNew) {
  await openConversation(id, { push: true });
  if (!isNew) return;
  openPane("debrief");
  focusSoon("debrief-title");
}

const steps = () => h("ol", { class: "start-steps" }, ["step_talk", "step_debrief", "step_again"].map((key) => h("li", {}, t(key))));
