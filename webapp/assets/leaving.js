// "Delete my data": everything goes at once, here, in other tabs and on other devices, and the page begins afresh.
//
// A page that is loaded anew keeps no word in memory and has the new cookie; only the numbers are carried over.

import { call } from "./api.js";
import { change, state } from "./state.js";

const LEFT = "debrief-left";
const OURS = /^debrief-/;
const LOOKS = 12;
const BETWEEN_LOOKS_MS = 400;

let isLeaving = false;

export const askToLeave = () => change({ leaving: { isAsked: true } });
export const stay = () => change({ leaving: null });

export async function leave() {
  isLeaving = true;
  change({ leaving: { isAsked: true, isAtWork: true } });
  try {
    const { deleted } = await call("DELETE", "me/data");
    forgetAllHere();
    keepNumbers(deleted);
    new BroadcastChannel("debrief-live").postMessage({ frames: [["gone", { why: "deleted" }]] });
    location.reload();
  } catch (error) {
    isLeaving = false;
    change({ leaving: { isAsked: true, error: error.message } });
  }
}

/** While this tab itself is about to become somebody else, it needs no news of it. */
export const goMyself = (isGoing) => (isLeaving = isGoing);

/** This browser has become somebody else: its pages are read afresh. */
export function beginAnew() {
  isLeaving = true;
  new BroadcastChannel("debrief-live").postMessage({ frames: [["gone", { why: "moved" }]] });
  location.replace(new URL(".", document.baseURI));
}

/** Another tab or device did it. What was deleted does not stay here either; whoever has the same cookie waits for the new one. */
export async function hearThatAllIsGone({ why }, live) {
  live.disconnect(); // a stream that comes back would have this page read again what is not there any more
  if (isLeaving) return;
  isLeaving = true;
  if (why === "deleted") forgetAllHere();
  const before = state.me?.visitor_id_hint;
  for (let look = 0; look < LOOKS; look += 1) {
    const now = await call("GET", "me").catch(() => null);
    if (now && now.visitor_id_hint !== before) break;
    await new Promise((done) => setTimeout(done, BETWEEN_LOOKS_MS));
  }
  location.replace(new URL(".", document.baseURI));
}

/** Drafts and whatever else this browser kept of the visitor's. */
function forgetAllHere() {
  for (const store of ["localStorage", "sessionStorage"]) {
    try {
      for (const key of Object.keys(window[store])) if (OURS.test(key)) window[store].removeItem(key);
    } catch {
      // Switched off: then there is nothing in it.
    }
  }
}

function keepNumbers(numbers) {
  try {
    sessionStorage.setItem(LEFT, JSON.stringify(numbers));
  } catch {
    // Then they are not told; that everything is gone shows all the same.
  }
}

/** What was deleted before this page was loaded, in numbers; told once. */
export function takeNumbers() {
  try {
    const numbers = JSON.parse(sessionStorage.getItem(LEFT) ?? "null");
    sessionStorage.removeItem(LEFT);
    return numbers;
  } catch {
    return null;
  }
}
