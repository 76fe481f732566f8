// Saying a message anew, in its place. What was said first stays beside it as a version.

import { h } from "./dom.js";
import { closeEdit, sendEdit } from "./message_actions.js";
import { state } from "./state.js";
import { FACTS } from "./texts.js";
import { t } from "./words.js";

export function editForm(message) {
  const { text, isSending, error } = state.editing;
  const words = h("textarea", { rows: Math.min(10, Math.max(2, Math.ceil(text.length / 60))), maxlength: FACTS.message_max_chars, value: text, "aria-label": t("edit_words"), "data-key": `edit-words-${message.id}`, oninput: (event) => (state.editing.text = event.target.value) });
  queueMicrotask(() => words.isConnected && document.activeElement !== words && !error && words.focus({ preventScroll: true }));
  return h(
    "form",
    { class: "tool-form", "aria-label": t("say_anew"), onsubmit: (event) => (event.preventDefault(), sendEdit()), onkeydown: (event) => event.key === "Escape" && !event.isComposing && closeEdit() },
    words,
    h("p", { class: "quiet" }, t("edit_what_happens")),
    error ? h("p", { class: "problem", role: "alert" }, error) : null,
    h(
      "div",
      { class: "row" },
      h("button", { class: "button small primary", type: "submit", disabled: isSending, "data-key": "edit-send" }, t("edit_send")),
      h("button", { class: "button small", type: "button", "data-key": "edit-cancel", onclick: closeEdit }, t("cancel")),
    ),
  );
}
