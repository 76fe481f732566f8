// The tabs of one reviewer's browser share their claims, so they tell each other what they have open: what is open in
// another tab is not given back by this one and is not its next one, and what was done in one shows in the other.
// Another browser or machine of the same reviewer is not reached; there the row version refuses what comes too late.

import { desk, draw, lookAgain } from "./desk_shared.js";

const BEAT_MS = 60_000;
const FORGOTTEN_AFTER_MS = 200_000; // a tab that crashed says nothing; one in the background speaks once a minute
const THIS_TAB = `${Date.now()}-${Math.random()}`;

const channel = new BroadcastChannel("debrief-desk");
const others = new Map(); // tab -> {id, isEditing, at}

const fresh = () => [...others.values()].filter(({ id, at }) => id && Date.now() - at < FORGOTTEN_AFTER_MS);

/** The feedbacks that other tabs have open. */
export const idsElsewhere = () => [...new Set(fresh().map(({ id }) => id))];

export const isOpenElsewhere = (id) => fresh().some((other) => other.id === id);

/** Whether another tab is writing this one over; both keep what is typed in the same place. */
export const isEditedElsewhere = (id) => fresh().some((other) => other.id === id && other.isEditing);

/** Say what this tab has open. */
export function announce() {
  channel.postMessage({ kind: "here", tab: THIS_TAB, id: desk.facts?.case?.id ?? "", isEditing: document.body.classList.contains("editing") });
}

/** Say that something was done with this one: whoever has it open reads it once more. */
export function tellMoved(id) {
  channel.postMessage({ kind: "moved", tab: THIS_TAB, id });
}

channel.addEventListener("message", ({ data: { kind, tab, id, isEditing } }) => {
  if (kind === "moved") return id === desk.facts?.case?.id && !desk.isBusy ? lookAgain() : undefined; // what is under way brings the news
  if (kind === "who") return announce();
  const before = isOpenElsewhere(desk.facts?.case?.id);
  if (kind === "here") others.set(tab, { id, isEditing, at: Date.now() });
  if (kind === "gone") others.delete(tab);
  if (desk.facts && before !== isOpenElsewhere(desk.facts.case?.id)) draw("desk-case-head");
});

channel.postMessage({ kind: "who", tab: THIS_TAB });
setInterval(announce, BEAT_MS);
addEventListener("pagehide", () => channel.postMessage({ kind: "gone", tab: THIS_TAB }));
addEventListener("pageshow", ({ persisted }) => persisted && announce());
