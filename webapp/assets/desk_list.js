// The left side of the desk: what waits, or another part of the feedback.

import { h, icon } from "./dom.js";
import { desk, fill, open, stateBadge, words } from "./desk_shared.js";
import { when } from "./words.js";

fill("desk-list", list);

function list() {
  const { items, filter } = desk.facts;
  if (!items.length) return h("p", { class: "desk-empty" }, words(filter === "waiting" ? "empty_waiting" : "empty_filter"));
  return h("ul", { class: "desk-items" }, items.map(line));
}

function line(item) {
  const isOpen = item.id === desk.facts.case?.id;
  const who = item.claimed_by && !item.is_mine ? item.claimed_by : item.state === "approved" || item.state === "rejected" ? item.reviewed_by : null;
  return h(
    "li",
    {},
    h(
      "button",
      { class: isOpen ? "desk-item open" : "desk-item", type: "button", "data-key": item.id, "aria-current": isOpen ? "true" : null, onclick: () => open(item.id) },
      h("span", { class: "desk-item-top" }, h("span", { class: "desk-item-title" }, item.title), stateBadge(item.is_mine ? "mine" : item.state)),
      h("span", { class: "desk-item-meta" }, `${when(item.created_at)} · ${words("item_messages", { n: item.messages })}`, who ? ` · ${who}` : null),
      checksLine(item),
      item.disputes ? h("span", { class: "desk-checks warn" }, icon("flag"), words("item_disputed", { n: item.disputes })) : null,
    ),
  );
}

function checksLine({ checks, checks_passed: passed, partial }) {
  if (!checks) return h("span", { class: "desk-item-meta" }, words("item_no_checks"));
  const isWhole = passed === checks;
  return h(
    "span",
    { class: isWhole && !partial ? "desk-checks ok" : "desk-checks warn" },
    words("item_checks", { passed, of: checks }),
    partial ? ` · ${words("item_partial")}` : null,
  );
}
