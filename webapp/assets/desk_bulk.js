// What is selected in the list.

import { h } from "./dom.js";
import { drawList, list } from "./desk_list.js";
import { words } from "./desk_shared.js";

export function bulkBar() {
  if (!list.selected.size) return null;
  return h(
    "div",
    { class: "desk-bulk", role: "status" },
    h("span", {}, words("selected", { n: list.selected.size })),
    h("button", { class: "desk-link", type: "button", "data-key": "clear-selection", onclick: clearSelection }, words("clear_selection")),
  );
}

export function clearSelection() {
  list.selected.clear();
  drawList();
}
