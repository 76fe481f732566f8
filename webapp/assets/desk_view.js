// Which part of the queue the list shows: filters and order. It lives in the page's address, so that a reload, the back
// button and a colleague who gets the link see the same. The words of the address are those of GET /api/v1/review.

import { desk } from "./desk_shared.js";
import { idsElsewhere } from "./desk_tabs.js";

const TABS = {
  waiting: ["pending", "claimed"],
  released: ["auto_released"],
  approved: ["approved", "edited_approved"],
  rejected: ["rejected"],
  escalated: ["escalated"],
  all: ["pending", "claimed", "regenerating", "escalated", "auto_released", "approved", "edited_approved", "rejected", "withdrawn"],
};
export const TAB_NAMES = Object.keys(TABS);
export const SORTS = ["waiting", "newest", "worst", "failed"];
const FILTERS = ["scenario", "rubric", "model", "language", "level", "check", "flagged", "disputed", "partial", "overdue", "asked_by", "reviewer", "assignee", "since", "until", "q"];

const LONGEST_S = 3600;

const view = { show: "waiting", values: new Map() };
const skipped = new Set(); // what this reviewer does not want now; forgotten with the page

export const shownTab = () => view.show;
export const valueOf = (name) => view.values.get(name) ?? "";
export const activeFilters = () => FILTERS.filter((name) => view.values.has(name));
export const sortOrder = () => view.values.get("sort") ?? (view.show === "waiting" ? "waiting" : "newest");
export const statesOf = (tab) => TABS[tab];

/** Take over what the address says; unknown words are passed over. */
export function readView(search = location.search) {
  const address = new URLSearchParams(search);
  view.show = address.get("show") in TABS ? address.get("show") : "waiting";
  view.values = new Map([...FILTERS, "sort"].filter((name) => address.get(name)).map((name) => [name, address.get(name)]));
}

export function showTab(tab) {
  view.show = tab;
}

/** Set a filter, or take it away with an empty value. */
export function setValue(name, value) {
  if (value) view.values.set(name, value);
  else view.values.delete(name);
}

export function clearFilters() {
  for (const name of FILTERS) view.values.delete(name);
}

/** The address of this view with this feedback open, without the question mark. */
export function addressOf(openId) {
  const address = new URLSearchParams();
  if (view.show !== "waiting") address.set("show", view.show);
  for (const [name, value] of view.values) address.set(name, value);
  if (openId) address.set("f", openId);
  return address.toString();
}

/** What the API is asked: the filters, the order, and the states of the tab. */
export function queryOf(tab = view.show) {
  const query = new URLSearchParams([...view.values]);
  query.set("sort", sortOrder());
  for (const state of TABS[tab]) query.append("state", state);
  return query;
}

/** The same for the desk's own events, with what was skipped, what other tabs have open, and how long this one is. */
export function queryForNext() {
  const query = queryOf();
  if (!view.values.has("sort")) query.delete("sort");
  for (const id of skipped) query.append("skip", id);
  for (const id of idsElsewhere()) query.append("elsewhere", id);
  if (desk.facts?.case) query.set("seconds", String(secondsOpen()));
  return query.toString();
}

/** How long the open case has been open: the time of a review that needs no claim. */
export const secondsOpen = () => Math.min(LONGEST_S, Math.round((Date.now() - desk.openedAt) / 1000));

export const skip = (id) => skipped.add(id);

export const forgetSkipped = () => skipped.clear();
