// The audit of the open case: who did what, when; ids, states and hashes, never people's words. It cannot be changed.

import { auditFacts } from "./audit_facts.js";
import { ask } from "./desk_sheet.js";
import { desk, words } from "./desk_shared.js";
import { h } from "./dom.js";
import { LOCALE } from "./words.js";

const AT = new Intl.DateTimeFormat(LOCALE, { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

export async function openHistory() {
  const { items } = await ask("GET", `${desk.facts.case.id}/audit`);
  const dialog = h(
    "dialog",
    { class: "desk-versions desk-history slot", "aria-label": words("history") },
    h("div", { class: "desk-versions-head" }, h("h2", {}, words("history")), h("button", { class: "button small", type: "button", onclick: () => dialog.close() }, words("close"))),
    h("p", { class: "quiet" }, words("history_note")),
    items.length ? h("ol", { class: "desk-history-list" }, items.map(line)) : h("p", { class: "quiet" }, words("history_none")),
    h("p", { class: "quiet desk-history-id" }, words("history_id"), " ", h("code", {}, desk.facts.case.id)),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.querySelector("dialog.desk-history")?.remove();
  document.body.append(dialog);
  dialog.showModal();
}

function line(event) {
  return h(
    "li",
    {},
    h("time", { datetime: event.at }, AT.format(new Date(event.at))),
    h("p", {}, h("b", {}, event.by), " ", event.said, event.to ? ` (${event.to})` : ""),
    h("p", { class: "quiet" }, auditFacts({ ...event.detail, to: null }, event.version_n).join(" · ")),
  );
}
