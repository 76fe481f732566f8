// Edits as data: what differs between two, and putting one's own changes on top of somebody else's version.

const FIELDS = ["level", "reason", "tip", "evidence"];
const ALONE = ["summary", "next_step", "strengths", "improvements"];

const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
const plain = (edit) => ({ ...edit, criteria: edit.criteria.map((one) => ({ ...one, reason: one.reason || null, tip: one.tip || null })), summary: edit.summary || null, next_step: edit.next_step || null });

/** Whether two edits say something else. */
export const differs = (one, other) => !same(plain(one), plain(other));

/** What was changed: `{base, edit}` -> [{path, text}], in the order in which a debrief is read. */
export function editOf({ base, edit }) {
  const changes = [];
  const note = (path, before, after) => same(before || null, after || null) || changes.push({ path, text: shown(after) });
  note("summary", base.summary, edit.summary);
  edit.criteria.forEach((one, at) => FIELDS.forEach((name) => note(`criteria.${one.key}.${name}`, base.criteria[at]?.[name], one[name])));
  for (const part of ["strengths", "improvements", "next_step"]) note(part, base[part], edit[part]);
  return changes;
}

/** One's own changes on top of another version: fields that were not touched are the other's. */
export function apply({ base, edit }, onto) {
  const made = structuredClone(onto);
  for (const name of ALONE) if (!same(base[name], edit[name])) made[name] = structuredClone(edit[name]);
  for (const one of made.criteria) {
    const [before, mine] = [base, edit].map((from) => from.criteria.find((other) => other.key === one.key));
    if (before && mine) for (const name of FIELDS) if (!same(before[name], mine[name])) one[name] = structuredClone(mine[name]);
  }
  return made;
}

function shown(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.map((item) => (typeof item === "string" ? item : (item.why ?? [item.problem, item.rewrite].join(" → ")))).join(" / ") || "–";
  return String(value);
}
