// People: accounts made, changed, shut; the tokens of their programs; and one visitor forgotten entirely.

import { copyable } from "./copyable.js";
import { h } from "./dom.js";
import { loadPrograms, programs } from "./manage_programs.js";
import { ask, field, input, menu, number, press, stamp, table, words } from "./manage_shared.js";

const ROLES = ["reviewer", "admin"];
let items = null;
let made = { name: "", role: "reviewer" };
let shown = null; // {name, link, expires_at}
let visitor = "";
let sure = null; // what is to be confirmed: "visitor" or an account's id
const roles = () => ROLES.map((role) => [role, words(`role_${role}`)]);

export async function load() {
  [{ items }] = await Promise.all([ask("GET", "people"), loadPrograms()]);
}

export function content(act, draw) {
  if (!items) return h("p", { class: "quiet" }, words("loading"));
  return [accounts(act, draw), programs(items, act, draw), forgetting(act, draw)];
}

function accounts(act, draw) {
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("people")),
    shown ? link(draw) : null,
    table(["name", "role", "state", "last_used", "actions"].map((name) => words(name)), items.map((person) => row(person, act, draw)), ""),
    h(
      "form",
      {
        class: "fields",
        onsubmit: (event) => {
          event.preventDefault();
          act(async () => {
            shown = await ask("POST", "people", made);
            made = { name: "", role: "reviewer" };
            await load();
          });
        },
      },
      field(words("new_name"), input("new-name", made.name, (value) => (made.name = value), { required: true, maxlength: 80, autocomplete: "off" })),
      field(words("role"), menu("new-role", roles(), made.role, (value) => (made.role = value))),
      h("button", { class: "button primary", type: "submit", "data-key": "make" }, words("make")),
    ),
  );
}

/** The link is told once: who hands it over copies it now. */
function link(draw) {
  const address = new URL(shown.link, location.href).href;
  return h(
    "div",
    { class: "once", role: "status" },
    h("p", {}, words("link_once", { name: shown.name, until: stamp(shown.expires_at) })),
    copyable("password-link", words("link_of", { name: shown.name }), address),
    press("hide-link", words("noted"), () => {
      shown = null;
      draw();
    }),
  );
}

function row(person, act, draw) {
  const change = (body, done) => act(async () => { sure = null; await ask("PATCH", `people/${person.id}`, body); await load(); }, done);
  const renew = () => act(async () => { shown = await ask("POST", `people/${person.id}/link`); await load(); });
  const shut = person.disabled_at !== null;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, person.name, person.me ? h("span", { class: "quiet" }, ` (${words("me")})`) : null),
    h("td", {}, menu(`role-${person.id}`, roles(), person.role, (role) => change({ role }, words("role_changed", { name: person.name })), `${words("role")}: ${person.name}`)),
    h("td", {}, h("span", { class: `state ${shut ? "bad" : person.sign_ins ? "good" : ""}` }, shut ? words("shut") : person.sign_ins ? words("signed_in", { n: person.sign_ins }) : words("open"))),
    h("td", {}, stamp(person.used_at), person.link_until ? h("small", { class: "quiet" }, words("link_open", { until: stamp(person.link_until) })) : null),
    h(
      "td",
      {},
      h(
        "div",
        { class: "row-actions" },
        shut
          ? press(`open-${person.id}`, words("open_again"), () => change({ disabled: false }, words("opened", { name: person.name })))
          : sure === person.id
            ? [press(`sure-${person.id}`, words("really_shut"), () => change({ disabled: true }, words("was_shut", { name: person.name })), "bad"), press(`not-${person.id}`, words("cancel"), () => { sure = null; draw(); })]
            : [press(`renew-${person.id}`, words("make_link"), renew), press(`shut-${person.id}`, words("shut_it"), () => { sure = person.id; draw(); })],
      ),
    ),
  );
}

function forgetting(act, draw) {
  const forget = () =>
    act(async () => {
      sure = null;
      const { deleted } = await ask("DELETE", `people/visitors/${encodeURIComponent(visitor.trim())}`);
      visitor = "";
      return words("forgotten", { talks: number.format(deleted.talks), messages: number.format(deleted.messages), debriefs: number.format(deleted.debriefs) });
    });
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("forget")),
    h("p", { class: "quiet" }, words("forget_note")),
    h(
      "div",
      { class: "fields" },
      field(words("forget_id"), input("visitor", visitor, (value) => (visitor = value), { maxlength: 60, autocomplete: "off", placeholder: "v_…, c_…, f_…" })),
      sure === "visitor"
        ? [press("forget-sure", words("forget_sure"), forget, "bad"), press("forget-not", words("cancel"), () => { sure = null; draw(); })]
        : press("forget", words("forget_it"), () => { if (visitor.trim()) { sure = "visitor"; draw(); } }),
    ),
  );
}
