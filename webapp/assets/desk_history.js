// The audit of the open case: who did what, when; ids, states and hashes, never people's words. It cannot be changed.

import { ask } from "./desk_sheet.js";
import { desk, words } from "./desk_shared.js";
import { h } from "./dom.js";
import { LANGUAGE } from "./words.js";

const AT = new Intl.DateTimeFormat(LANGUAGE, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const HASH_SHOWN = 10;

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
    h("p", { class: "quiet" }, facts(event).join(" · ")),
  );
}

/** What the record says beside who and when: from which state to which, of which version, for which reason. */
function facts({ detail, version_n: n }) {
  const { before, after, review_state: stands, version, reason, decision, ...rest } = detail;
  return [
    before || after || stands ? [before, after ?? stands].filter(Boolean).map(stateWords).join(" → ") : null,
    n ? words("version", { n }) : (version ?? null),
    reason ? reasonWords(reason) : null,
    decision ? words(decision === "reject" ? "reject_confirm" : "approve") : null,
    ...KNOWN.filter((name) => (rest[name] ?? null) !== null).map((name) => words(`fact_${name}`, { value: short(rest[name]) })),
  ].filter(Boolean);
}

const KNOWN = ["attempts", "guidance", "body", "parent", "path", "dispute", "round", "job", "code"];
const STATES = ["pending", "claimed", "regenerating", "escalated", "auto_released", "approved", "edited_approved", "rejected", "withdrawn", "none"];
const REASONS = ["wrong_evidence", "wrong_level", "unhelpful", "unkind", "wrong_language", "other"];
const stateWords = (state) => (STATES.includes(state) ? words(`state_${state}`) : state);
const reasonWords = (reason) => (REASONS.includes(reason) ? words(`reason_${reason}`) : reason);
const short = (value) => (/^[0-9a-f]{32,}$/.test(value) ? `${value.slice(0, HASH_SHOWN)}…` : String(value));
