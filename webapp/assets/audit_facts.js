// What an event of the audit says beside who and when, in words where it has words: for the desk and for the audit's page.

import { t } from "./words.js";

const HASH_SHOWN = 10;
const words = (key, values) => t(`desk.${key}`, values);

/** What the record says beside who and when: from which state to which, of which version, for which reason. */
export function auditFacts({ before, after, review_state: stands, version, reason, decision, ...rest }, n = null) {
  const others = Object.entries(rest).filter(([name, value]) => value !== null && !KNOWN.includes(name) && !(stands && name === "state"));
  return [
    before || after || stands ? [before, after ?? stands].filter(Boolean).map(stateWords).join(" → ") : null,
    n ? words("version", { n }) : (version ?? null),
    reason ? reasonWords(reason) : null,
    decision ? words(decision === "reject" ? "reject_confirm" : "approve") : null,
    ...KNOWN.filter((name) => (rest[name] ?? null) !== null).map((name) => words(`fact_${name}`, { value: short(rest[name]) })),
    ...others.map(([name, value]) => `${name.replaceAll("_", " ")} ${short(value)}`),
  ].filter(Boolean);
}

const KNOWN = ["attempts", "guidance", "body", "parent", "path", "dispute", "round", "job", "code"];
const STATES = ["pending", "claimed", "regenerating", "escalated", "auto_released", "approved", "edited_approved", "rejected", "withdrawn", "none"];
const REASONS = ["wrong_evidence", "wrong_level", "unhelpful", "unkind", "wrong_language", "other"];
const stateWords = (state) => (STATES.includes(state) ? words(`state_${state}`) : state);
const reasonWords = (reason) => (REASONS.includes(reason) ? words(`reason_${reason}`) : reason);
const short = (value) => (/^[0-9a-f]{32,}$/.test(value) ? `${value.slice(0, HASH_SHOWN)}…` : String(value));
