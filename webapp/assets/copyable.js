// Something to copy: a field that shows it, and a button. Where the browser gives no clipboard, it is selected.

import { h } from "./dom.js";
import { t } from "./words.js";

export function copyable(key, label, text) {
  const field = h("input", { type: "text", readonly: true, value: text, "aria-label": label, "data-key": `copy-${key}`, onfocus: () => field.select() });
  const said = h("span", { class: "quiet", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = t("copied");
    } catch {
      field.focus();
      said.textContent = t("copy_yourself");
    }
  };
  return h("div", { class: "copyable" }, field, h("button", { class: "button", type: "button", "data-key": `copy-button-${key}`, onclick: copy }, t("copy")), said);
}
