// What was refused of an edit stands at its field, which gets the focus; and a text that is too long is told while it grows.

import { words } from "./desk_shared.js";

const ID = "desk-editor-refused";

/** Put a sentence about one field below it, and the focus into it; false where the form has no such field. */
export function tellBeside(root, where, said) {
  const place = where && placeOf(root, where);
  if (!place) return false;
  const isText = place.matches("textarea");
  const field = isText ? place : (place.querySelector("select, input:checked") ?? place.querySelector("input, button"));
  said.id = ID;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", ID);
  if (isText) place.closest(".desk-field").after(said);
  else place.append(said);
  field.focus({ preventScroll: true });
  said.scrollIntoView({ block: "center" });
  return true;
}

/** The text, the choice of lines, or the levels of a path such as "criteria.examples.reason". */
function placeOf(root, where) {
  const find = (name, path) => root.querySelector(`[data-${name}="${CSS.escape(path)}"]`);
  const owner = where.replace(/\.\w+$/, "");
  if (where.endsWith(".evidence")) return find("evidence", owner);
  return find("path", where) ?? find("where", owner)?.querySelector(".desk-levels");
}

export function forgetRefusal(root) {
  root.querySelector(`#${ID}`)?.remove();
  for (const field of root.querySelectorAll(`[aria-describedby="${ID}"]`)) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

/** Of the field that a badge belongs to; null where its text fits. The server counts characters in the same way. */
export function tooLongWords(badge) {
  const box = badge.closest(".desk-field")?.querySelector("textarea");
  const n = box ? [...box.value.trim()].length : 0;
  const most = Number(box?.dataset.most ?? 0);
  return n > most ? words("edit_too_long", { n, of: most }) : null;
}
