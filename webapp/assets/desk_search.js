// Looking for words in the queue. The field stays one and the same element, so that an input method is not disturbed.

import { viewChanged } from "./desk_list.js";
import { words } from "./desk_shared.js";
import { setValue, valueOf } from "./desk_view.js";
import { h } from "./dom.js";

const LOOK_AFTER_MS = 400;

let timer = 0;

export const searchBox = h("input", { type: "search", class: "desk-search", maxlength: 200, placeholder: words("search"), "aria-label": words("search"), oninput: later, onkeydown: onKey });

function later(event) {
  clearTimeout(timer);
  if (!event.isComposing) timer = setTimeout(look, LOOK_AFTER_MS);
}

function onKey(event) {
  if (event.key === "Enter" && !event.isComposing) look();
}

function look() {
  clearTimeout(timer);
  const wanted = searchBox.value.trim();
  if (wanted === valueOf("q")) return;
  setValue("q", wanted);
  viewChanged();
}

searchBox.addEventListener("compositionend", later);

/** The field shows what the address says, unless somebody is in it. */
export function showSearch() {
  if (document.activeElement !== searchBox) searchBox.value = valueOf("q");
}

export function focusSearch() {
  searchBox.focus();
  searchBox.select();
}
