// The claim on the open case: kept alive while somebody is at it, given back when the page is left.

import { desk, draw, lookAgain, words } from "./desk_shared.js";
import { isOpenElsewhere } from "./desk_tabs.js";

const BEAT_MS = 60_000;
const AWAY_AFTER_MS = 8 * 60_000; // less than a claim lasts: who went away gives it up by silence

let lastSign = Date.now();
for (const sign of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"]) addEventListener(sign, () => (lastSign = Date.now()), { passive: true });

const mine = () => (desk.facts?.case?.is_mine ? desk.facts.case : null);

/** Say that the reviewer is still at it. */
export async function beat() {
  const held = mine();
  if (!held || Date.now() - lastSign > AWAY_AFTER_MS) return;
  const response = await fetch(`/api/v1/review/${held.id}/beat`, { method: "POST", headers: { accept: "application/json" } }).catch(() => null);
  if (mine()?.id !== held.id) return;
  if (response?.ok) {
    held.claimed_until = (await response.json()).claimed_until;
    draw("desk-case-head");
  } else if (response?.status === 409) lookAgain({ kind: "bad", text: words("claim_lost") });
}

/** Given back as it was seen: if it was decided meanwhile, this changes nothing. Not while another tab has it open. */
function giveBack() {
  const held = mine();
  if (!held || isOpenElsewhere(held.id)) return;
  const body = JSON.stringify({ row_version: held.row_version });
  fetch(`/api/v1/review/${held.id}/release`, { method: "POST", headers: { "content-type": "application/json" }, body, keepalive: true }).catch(() => null);
}

setInterval(beat, BEAT_MS);
addEventListener("pagehide", giveBack);
addEventListener("pageshow", ({ persisted }) => persisted && lookAgain());
