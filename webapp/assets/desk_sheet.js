// A small sheet over the open case: a sentence, a note, two buttons. And what is said when something was done.

import { CallFailed, call } from "./api.js";
import { desk, goOn, lookAgain, words } from "./desk_shared.js";
import { noteDraft } from "./drafts.js";
import { h } from "./dom.js";
import { LANGUAGE } from "./words.js";

/** Ask one of the review's routes in the reader's language. Throws CallFailed. */
export const ask = (method, path, body) => call(method, `/api/v1/review/${path}`, { body, language: LANGUAGE });

/**
 * A sheet with a note. `act` gets the note and does the thing; what it throws is told and the sheet stays, with the note.
 * A note that was not sent is there again when the sheet is opened for the same debrief, also after signing in anew.
 * @param key names its words: sheet_<key>, sheet_<key>_note, sheet_<key>_confirm
 * @param most characters of the note; 0: no note is asked for
 * @param needed whether there must be a note
 */
export function openSheet(key, { act, most = 2000, needed = false, danger = false, hint = null }) {
  document.querySelector("dialog.desk-sheet")?.remove();
  const { id } = desk.facts.case;
  const note = most ? h("textarea", { rows: 3, value: noteDraft.read(key, id), oninput: ({ target }) => noteDraft.keep(key, id, target.value), maxlength: most, "aria-label": words(`sheet_${key}_note`), placeholder: words(`sheet_${key}_note`) }) : null;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const confirm = h("button", { class: danger ? "button danger" : "button primary", type: "submit" }, words(`sheet_${key}_confirm`));
  const sheet = h(
    "dialog",
    { class: "desk-sheet slot", "aria-label": words(`sheet_${key}_confirm`) },
    h(
      "form",
      { method: "dialog" },
      h("p", {}, words(`sheet_${key}`)),
      hint ? h("p", { class: "note" }, hint) : null,
      note,
      problem,
      h("div", { class: "desk-sheet-buttons" }, h("button", { class: "button", type: "button", onclick: () => sheet.close() }, words("cancel")), confirm),
    ),
  );
  sheet.addEventListener("close", () => sheet.remove());
  note?.addEventListener("keydown", submitsWithCtrl);
  sheet.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = note?.value.trim() ?? "";
    if (needed && !text) return note.focus();
    confirm.disabled = true;
    try {
      await act(text);
      noteDraft.forget(key, id);
      sheet.close();
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      problem.replaceChildren(...toldOf(error));
      problem.hidden = false;
      confirm.disabled = false;
    }
  });
  document.body.append(sheet);
  sheet.showModal();
  (note ?? confirm).focus();
}

/** What went wrong, for the reader; whose sign-in has ended can sign in beside what they typed. */
export function toldOf(error) {
  return error.status === 401 ? signInAgain() : [error.message];
}

/** The sentence and a link that leaves this page, and what is typed in it, as it is. */
export function signInAgain() {
  return [words("sign_in_ended"), " ", h("a", { href: "/admin/login?next=%2Fadmin%2F%3Fshow%3Dall", target: "_blank", rel: "noopener" }, words("sign_in_again"))];
}

/** Ctrl+Enter in a field sends the form that it is in; Enter alone makes a line. */
export function submitsWithCtrl(event) {
  if (event.key !== "Enter" || event.isComposing || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}

/** Make a move of the open case by the API; then show how it stands, or after a decision the next one. */
export async function moveCase(action, body, said, { decides = false } = {}) {
  const before = desk.facts.case;
  await ask("POST", `${before.id}/${action}`, { row_version: before.row_version, ...body });
  const notice = said ? { kind: "good", text: said } : null;
  if (decides) goOn(before, notice);
  else lookAgain(notice);
}
