// The audit: who did what to what, when; ids and states, never people's words.

import { auditFacts } from "./audit_facts.js";
import { h } from "./dom.js";
import { ask, field, input, menu, press, query, stamp, table, words } from "./manage_shared.js";

const wanted = { actor: "", action: "", object_id: "", since: "", until: "" };
let pages = [];

export async function load() {
  pages = [await ask("GET", `audit?${query(wanted)}`)];
}

export function content(act) {
  if (!pages.length) return h("p", { class: "quiet" }, words("loading"));
  const { actions, actors, next } = pages.at(-1);
  const set = (name) => (value) => {
    wanted[name] = value.trim();
    act(load);
  };
  const any = ["", words("any")];
  const more = () => act(async () => void pages.push(await ask("GET", `audit?${query({ ...wanted, cursor: next })}`)));
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("audit")),
    h("p", { class: "quiet" }, words("audit_note")),
    h(
      "div",
      { class: "fields" },
      field(words("who"), menu("actor", [any, ...Object.entries(actors)], wanted.actor, set("actor"))),
      field(words("did"), menu("action", [any, ...Object.entries(actions)], wanted.action, set("action"))),
      field(words("object"), h("input", { "data-key": "object", value: wanted.object_id, maxlength: 60, onchange: ({ target }) => set("object_id")(target.value) })),
      field(words("since"), input("since", wanted.since, set("since"), { type: "date" })),
      field(words("until"), input("until", wanted.until, set("until"), { type: "date" })),
    ),
    table(["when", "who", "did", "object", "detail"].map((name) => words(name)), pages.flatMap(({ items }) => items).map((event) => row(event, set)), words("no_events")),
    next ? h("div", {}, press("older", words("older"), more)) : null,
  );
}

function row(event, set) {
  const detail = auditFacts(event.detail).map((fact) => h("span", { class: "fact" }, fact));
  return h(
    "tr",
    {},
    h("td", {}, stamp(event.at)),
    h("td", {}, event.by),
    h("td", {}, event.said),
    h("td", {}, h("button", { type: "button", class: "id", title: words("only_this"), "data-key": `o-${event.object_id}-${event.at}`, onclick: () => set("object_id")(event.object_id) }, event.object_id), h("small", { class: "quiet" }, words(`type_${event.object_type}`))),
    h("td", { class: "facts" }, detail),
  );
}
