// Tokens with which programs act for an account: made, shown once, listed with their last use, revoked.

import { copyable } from "./copyable.js";
import { h } from "./dom.js";
import { ask, field, input, menu, press, stamp, table, words } from "./manage_shared.js";

let tokens = [];
let made = null; // {label, token}
let wish = { account: "", label: "" };
let sure = ""; // the id of the token that is to be revoked

export async function loadPrograms() {
  tokens = (await ask("GET", "people/tokens")).items;
}

export function programs(people, act, draw) {
  const open = people.filter((person) => person.disabled_at === null);
  wish.account = open.some(({ id }) => id === wish.account) ? wish.account : (open.find(({ me }) => me) ?? open[0]).id;
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("programs")),
    h("p", { class: "quiet" }, words("programs_note")),
    made ? once(draw) : null,
    table(["program", "acts_for", "made_at", "last_used", "actions"].map((name) => words(name)), tokens.map((token) => row(token, act, draw)), words("no_programs")),
    h(
      "form",
      {
        class: "fields",
        onsubmit: (event) => {
          event.preventDefault();
          act(async () => {
            made = await ask("POST", `people/${wish.account}/tokens`, { label: wish.label });
            wish = { account: wish.account, label: "" };
            await loadPrograms();
          });
        },
      },
      field(words("program_label"), input("program-label", wish.label, (value) => (wish.label = value), { required: true, maxlength: 60, autocomplete: "off" })),
      field(words("acts_for"), menu("program-account", open.map(({ id, name }) => [id, name]), wish.account, (value) => (wish.account = value))),
      h("button", { class: "button primary", type: "submit", "data-key": "make-program" }, words("make_token")),
    ),
  );
}

function once(draw) {
  return h(
    "div",
    { class: "once", role: "status" },
    h("p", {}, words("token_once", { label: made.label })),
    copyable("program-token", made.label, made.token),
    press("hide-token", words("noted"), () => {
      made = null;
      draw();
    }),
  );
}

function row({ id, label, account, created_at: since, used_at: used }, act, draw) {
  const revoke = () =>
    act(async () => {
      sure = "";
      await ask("DELETE", `people/tokens/${id}`);
      if (made?.id === id) made = null;
      await loadPrograms();
    }, words("token_revoked", { label }));
  const choose = (which) => () => {
    sure = which;
    draw();
  };
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, label),
    h("td", {}, account),
    h("td", {}, stamp(since)),
    h("td", {}, used ? stamp(used) : words("never_used")),
    h(
      "td",
      {},
      h(
        "div",
        { class: "row-actions" },
        sure === id
          ? [press(`revoke-sure-${id}`, words("revoke_sure"), revoke, "bad"), press(`revoke-not-${id}`, words("cancel"), choose(""))]
          : press(`revoke-${id}`, words("revoke"), choose(id)),
      ),
    ),
  );
}
