// The left side of the desk: the queue. It asks the API itself; the filters are desk_filters.js.

import { h, icon, show } from "./dom.js";
import { bulkBar } from "./desk_bulk.js";
import { filterTools } from "./desk_filters.js";
import { searchBox, showSearch } from "./desk_search.js";
import { desk, fill, many, open, stateBadge, words } from "./desk_shared.js";
import { activeFilters, addressOf, queryOf, readView, showTab, shownTab, statesOf, TAB_NAMES, valueOf } from "./desk_view.js";
import { LANGUAGE, when } from "./words.js";

const STEP = 30;
const MOST = 100; // of one page of the API
const OPEN_AFTER_MS = 250; // who goes down the list by key does not claim all on the way

export const list = { items: [], next: null, numbers: null, choices: null, selected: new Set(), problem: null, isLoaded: false };

const frame = { tabs: h("div", {}), search: h("div", {}), tools: h("div", { class: "desk-finder" }), bulk: h("div", {}), lines: h("div", { class: "desk-lines" }) };
const whole = h("div", { class: "desk-queue" }, frame.tabs, frame.search, frame.tools, frame.bulk, frame.lines);
let asked = 0;
let going = null; // the line that a key went to, until it is open
let goingTimer = 0;

fill("desk-list", () => whole); // its parts are drawn here, so that who types in one goes on typing

// ---- what there is

/** Ask for the list anew, as long as it is; `isAnother`: other filters, so from the beginning. */
export async function refreshList({ isAnother = false } = {}) {
  const turn = ++asked;
  const length = isAnother ? STEP : Math.max(STEP, list.items.length);
  if (isAnother) list.selected.clear();
  await take(turn, async () => {
    const counted = valueOf("q") ? null : ask("/counts", queryOf()); // counting words takes a walk through everything
    const [page, numbers] = await Promise.all([askLines(length), counted]);
    return () => Object.assign(list, { items: page.items, next: page.next, numbers });
  });
}

/** As many lines from the beginning as there were, in several pages if need be: a list never gets shorter under a reader. */
async function askLines(length) {
  let page = await ask("", queryOf(), { limit: Math.min(MOST, length) });
  let { items } = page;
  while (page.next && items.length < length) {
    page = await ask("", queryOf(), { limit: Math.min(MOST, length - items.length), cursor: page.next });
    items = [...items, ...page.items];
  }
  return { items: eachOnce(items), next: page.next };
}

/** What moved to the end while one paged is met again there: it stays where it was met last. */
const eachOnce = (items) => items.filter(({ id }, at) => items.findLastIndex((item) => item.id === id) === at);

async function showMore() {
  const turn = ++asked;
  await take(turn, async () => {
    const page = await ask("", queryOf(), { limit: STEP, cursor: list.next });
    return () => Object.assign(list, { items: eachOnce([...list.items, ...page.items]), next: page.next });
  });
}

async function take(turn, question) {
  let change;
  try {
    change = await question();
  } catch (error) {
    change = () => (list.problem = error.message);
  }
  if (turn !== asked) return; // something newer was asked for meanwhile
  list.problem = null;
  change();
  list.isLoaded = true;
  drawList();
}

/** Ask one of the queue's routes. Throws with a sentence for the reader. */
export async function ask(path, query, more = {}) {
  const whole = new URLSearchParams(query);
  for (const [name, value] of Object.entries(more)) whole.set(name, value);
  const headers = { accept: "application/json", "accept-language": LANGUAGE };
  const response = await fetch(`/api/v1/review${path}?${whole}`, { headers, cache: "no-store" }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!response?.ok || !answer) throw new Error(answer?.message ?? words("list_failed"));
  return answer;
}

/** What the menus of the filters offer; asked for when they are opened first. */
export async function loadChoices() {
  list.choices ??= await ask("/choices", "").catch(() => null);
  drawList();
}

// ---- what is shown

export function drawList() {
  if (!frame.search.firstChild) frame.search.append(searchBox);
  showSearch();
  show(frame.tabs, tabs());
  show(frame.tools, filterTools());
  show(frame.bulk, bulkBar());
  show(frame.lines, lines(), list.next ? h("button", { class: "button small wide", type: "button", "data-key": "more", onclick: showMore }, words("more")) : null);
}

/** Another tab or other filters: new in the address, and asked for. */
export function viewChanged() {
  history.pushState(null, "", address());
  refreshList({ isAnother: true });
  drawList();
}

const address = () => {
  const query = addressOf(desk.facts?.case?.id);
  return query ? `?${query}` : location.pathname;
};

/** The address follows what is open. What was there before can be gone back to, but not an address that led nowhere. */
export function keepAddress({ isFirst }) {
  if (address() === (location.search || location.pathname)) return;
  if (isFirst) history.replaceState(null, "", address());
  else history.pushState(null, "", address());
}

addEventListener("popstate", () => {
  readView();
  refreshList({ isAnother: true });
  const wanted = new URLSearchParams(location.search).get("f") ?? "";
  if (wanted !== (desk.facts?.case?.id ?? "")) open(wanted);
});

function tabs() {
  const count = (tab) => (list.numbers && tab !== "all" ? statesOf(tab).reduce((sum, state) => sum + (list.numbers.states[state] ?? 0), 0) : 0);
  return h(
    "div",
    { class: "desk-tabs", role: "group", "aria-label": words("filter") },
    TAB_NAMES.map((tab) =>
      h(
        "button",
        { class: "desk-tab", type: "button", "data-key": `tab-${tab}`, "aria-pressed": String(tab === shownTab()), onclick: () => goTo(tab) },
        words(`filter_${tab}`),
        count(tab) ? h("span", { class: "desk-count" }, many(count(tab))) : null,
      ),
    ),
  );
}

function lines() {
  if (list.problem) return h("p", { class: "problem" }, list.problem);
  if (!list.isLoaded) return h("p", { class: "desk-empty", role: "status" }, words("list_loading"));
  if (list.items.length) return h("ul", { class: "desk-items" }, list.items.map(line));
  const isPlain = !activeFilters().length;
  return h("p", { class: "desk-empty" }, words(!isPlain ? "empty_found" : shownTab() === "waiting" ? "empty_waiting" : "empty_filter"));
}

function line(item) {
  const isOpen = item.id === currentId();
  return h(
    "li",
    { class: isOpen ? "desk-item open" : "desk-item" },
    h("input", {
      type: "checkbox",
      class: "desk-pick",
      "data-key": `pick-${item.id}`,
      "aria-label": words("pick", { title: titleOf(item) }),
      checked: list.selected.has(item.id),
      onchange: () => pick(item.id),
    }),
    h(
      "button",
      { class: "desk-line", type: "button", "data-key": item.id, "aria-current": isOpen ? "true" : null, onclick: () => open(item.id) },
      h("span", { class: "desk-item-top" }, h("span", { class: "desk-item-title" }, titleOf(item)), badgeOf(item)),
      h("span", { class: "desk-item-meta" }, metaOf(item).join(" · ")),
      checksLine(item),
      item.overdue || item.disputes
        ? h(
            "span",
            { class: "desk-item-flags" },
            item.overdue ? h("span", { class: "desk-checks late" }, icon("clock"), words("item_overdue", { since: when(item.waiting_since) })) : null,
            item.disputes ? h("span", { class: "desk-checks warn" }, icon("flag"), words("item_disputed", { n: item.disputes })) : null,
          )
        : null,
    ),
  );
}

/** That it waits goes without saying among what waits. */
const badgeOf = (item) => (item.state === "pending" && shownTab() === "waiting" ? null : stateBadge(isMine(item) ? "mine" : item.state));
const titleOf = (item) => item.title[LANGUAGE] ?? Object.values(item.title)[0] ?? item.scenario;
const isMine = (item) => item.claimed_by === desk.facts?.me.name;

function metaOf(item) {
  const who = item.claimed_by && !isMine(item) ? item.claimed_by : item.reviewed_by;
  return [
    when(item.created_at),
    item.language.toUpperCase(),
    words("item_messages", { n: item.message_count }),
    item.assigned_to ? words("item_assigned", { name: item.assigned_to }) : who,
  ].filter(Boolean);
}

function checksLine({ checks, checks_passed: passed, worst_level: level, partial, flagged }) {
  if (!checks) return h("span", { class: "desk-item-meta" }, words("item_no_checks"));
  const isWhole = passed === checks && !partial;
  const more = [level ? words("item_worst", { level }) : null, partial ? words("item_partial") : null, flagged ? words("item_flagged") : null].filter(Boolean);
  return h("span", { class: isWhole ? "desk-checks ok" : "desk-checks warn" }, [words("item_checks_short", { passed, of: checks }), ...more].join(" · "));
}

// ---- moving about

/** The line that is open, or that a key is on its way to. */
export const currentId = () => going ?? desk.facts?.case?.id ?? null;

function goTo(tab) {
  if (tab === shownTab()) return;
  showTab(tab);
  viewChanged();
}

/** Open the line so many further down. */
export async function step(by) {
  const at = list.items.findIndex((item) => item.id === currentId());
  if (at + by >= list.items.length && list.next) await showMore();
  const target = list.items[at < 0 ? 0 : at + by];
  if (!target) return;
  going = target.id;
  drawList();
  frame.lines.querySelector(".desk-item.open")?.scrollIntoView({ block: "nearest" });
  clearTimeout(goingTimer);
  goingTimer = setTimeout(() => {
    goingTimer = 0;
    open(going);
  }, OPEN_AFTER_MS);
}

/** What a key went to is open now, or something else was opened instead. */
export function arrived() {
  if (!goingTimer) going = null;
}

export function pick(id) {
  if (!list.selected.delete(id)) list.selected.add(id);
  drawList();
}
