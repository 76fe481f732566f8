// The past conversations by day. Of thousands only those near the eye are drawn; blocks of known height hold the place
// of the others.

import { h } from "./dom.js";
import { change, state } from "./state.js";
import { loadMore } from "./talk_list.js";
import { monthAndYear, t } from "./words.js";

const BLOCK = 40; // talks
const ENTRY_PX = 56;
const HEAD_PX = 30;
const AHEAD_PX = 900;
const heights = new Map(); // block key -> px, as measured when it was drawn

/** The list; `item(entry, isRecent)` draws one talk. */
export function listBody(item) {
  look();
  const all = blocks(state.list);
  const [from, to] = (state.listRange || "0-1").split("-").map(Number);
  const drawn = (at) => (at >= from && at <= to) || all[at].entries.some(({ id }) => id === state.renaming || id === state.openMenu);
  return [
    h("div", { class: "days" }, all.map((block, at) => (drawn(at) ? drawnBlock(block, item) : emptyBlock(block)))),
    state.moreError ? h("p", { class: "quiet", role: "alert" }, state.moreError) : null,
    state.listNext ? h("button", { class: "button small", type: "button", "data-key": "list-more", disabled: state.isLoadingMore, onclick: loadMore }, t(state.isLoadingMore ? "loading" : "show_more")) : null,
  ];
}

function drawnBlock({ key, words, entries, isRecent }, item) {
  return h("section", { class: "day", "data-block": key, "aria-label": words.name }, words.isFirst ? h("h3", { class: "day-title" }, words.name) : null, h("ul", {}, entries.map((entry) => item(entry, isRecent))));
}

function emptyBlock(block) {
  const place = h("div", { class: "day", "data-block": block.key, "aria-hidden": "true" });
  place.style.height = `${heightOf(block)}px`;
  return place;
}

const heightOf = ({ key, words, entries }) => heights.get(key) ?? entries.length * ENTRY_PX + (words.isFirst ? HEAD_PX : 0);

/** Talks in the order of the list, in blocks that never reach over the end of a day's name. */
function blocks(list) {
  const found = [];
  let last = null;
  const words = dayWords();
  for (const entry of list) {
    const { name, isRecent } = words(entry.updated_at);
    const isFirst = last?.words.name !== name;
    if (isFirst || last.entries.length === BLOCK) {
      last = { key: `${name} ${isFirst ? 0 : entry.id}`, words: { name, isFirst }, isRecent, entries: [] };
      found.push(last);
    }
    last.entries.push(entry);
  }
  return found;
}

function dayWords() {
  const now = new Date();
  const midnight = (daysAgo) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo);
  const [today, yesterday, week, month] = [midnight(0), midnight(1), midnight(7), midnight(30)];
  return (timestamp) => {
    const at = new Date(timestamp);
    if (at >= today) return { name: t("today"), isRecent: true };
    if (at >= yesterday) return { name: t("yesterday"), isRecent: true };
    if (at >= week) return { name: t("last_week"), isRecent: false };
    if (at >= month) return { name: t("last_month"), isRecent: false };
    return { name: monthAndYear(at), isRecent: false };
  };
}

// ---- what is near the eye ---------------------------------------------------------------------------------------

let due = 0;
let watched = null;

/** Soon, when what is drawn now can be measured. */
function look() {
  due ||= requestAnimationFrame(() => {
    due = 0;
    if (watched) lookAgain(watched);
  });
}

export function watchScrolling(body) {
  watched = body;
  addEventListener("scroll", (event) => event.target.contains?.(body) && look(), { capture: true, passive: true });
  addEventListener("resize", look);
}

function lookAgain(body) {
  const places = [...body.querySelectorAll("[data-block]")];
  if (places.length === 0) return;
  const bottom = innerHeight + AHEAD_PX;
  let [from, to] = [places.length - 1, 0];
  for (const [at, place] of places.entries()) {
    const box = place.getBoundingClientRect();
    if (!place.hasAttribute("aria-hidden")) heights.set(place.dataset.block, box.height);
    if (box.bottom < -AHEAD_PX || box.top > bottom) continue;
    from = Math.min(from, at);
    to = Math.max(to, at);
  }
  const range = `${from}-${to}`;
  if (range !== state.listRange) change({ listRange: range });
  if (to === places.length - 1) loadMore();
}
