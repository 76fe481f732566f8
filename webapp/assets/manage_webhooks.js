// Webhooks: the endpoints, their events and secrets. What was sent to them: `manage_webhook_log.js`.

import { copyable } from "./copyable.js";
import { h } from "./dom.js";
import { ask, field, input, number, press, stamp, words } from "./manage_shared.js";
import * as log from "./manage_webhook_log.js";

const nothing = () => ({ url: "", events: new Set() });
let items = null;
let events = [];
let made = nothing();
let edited = null; // {id, url, events}
let secret = null; // {host, text}
let sure = null; // {id, what}: what is to be confirmed

export const hostOf = (url) => new URL(url).host;

export async function load() {
  ({ items, events } = await ask("GET", "webhooks"));
  if (!items.some(({ id }) => id === log.shown())) log.close();
  await log.load();
}

export function content(act, draw) {
  if (!items) return h("p", { class: "quiet" }, words("loading"));
  const open = items.find(({ id }) => id === log.shown());
  return [endpoints(act, draw), open ? log.content(open, events, act, draw) : null, adding(act)];
}

function endpoints(act, draw) {
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("hooks")),
    h("p", { class: "quiet" }, words("hooks_note")),
    secret ? once(draw) : null,
    items.length ? h("ul", { class: "hooks" }, items.map((hook) => endpoint(hook, act, draw))) : h("p", { class: "quiet" }, words("no_hooks")),
  );
}

function once(draw) {
  const noted = () => {
    secret = null;
    draw();
  };
  return h("div", { class: "once", role: "status" }, h("p", {}, words("hook_secret_once", { host: secret.host })), copyable("secret", words("hook_secret_once", { host: secret.host }), secret.text), press("hide-secret", words("noted"), noted));
}

function endpoint(hook, act, draw) {
  return h(
    "li",
    { class: "hook", "aria-label": hostOf(hook.url) },
    h("div", { class: "hook-head" }, h("code", {}, hook.url), state(hook)),
    edited?.id === hook.id ? editing(hook, act, draw) : [h("p", { class: "hook-events" }, hook.events.map((event) => h("span", { class: "hook-event", title: said(event) }, event))), facts(hook), actions(hook, act, draw)],
  );
}

function state(hook) {
  if (hook.disabled_at) return h("span", { class: `state ${hook.disabled_why === "admin" ? "calm" : "bad"}` }, words(`hook_disabled_${hook.disabled_why}`));
  if (hook.failing_since) return h("span", { class: "state bad" }, words("hook_failing", { since: stamp(hook.failing_since) }));
  return h("span", { class: `state ${hook.delivered_at ? "good" : ""}` }, words("hook_open"));
}

function facts(hook) {
  const told = [
    hook.delivered_at ? words("hook_delivered_at", { at: stamp(hook.delivered_at) }) : words("hook_never"),
    hook.waiting ? words("hook_waiting", { n: number.format(hook.waiting) }) : null,
    hook.given_up ? words("hook_given_up", { n: number.format(hook.given_up) }) : null,
    hook.old_secret_until ? words("hook_old_secret", { until: stamp(hook.old_secret_until) }) : null,
  ];
  return h("p", { class: "quiet" }, told.filter(Boolean).join(" · "));
}

function actions(hook, act, draw) {
  const path = `webhooks/${hook.id}`;
  const doing = (work, done) => act(async () => { sure = null; await work(); await load(); }, done);
  const asks = (what, label) => press(`${what}-${hook.id}`, label, () => { sure = { id: hook.id, what }; draw(); });
  const certain = {
    disable: [words("hook_disable_sure"), () => doing(() => ask("PATCH", path, { disabled: true }), words("hook_was_disabled"))],
    delete: [words("hook_delete_sure"), () => doing(() => ask("DELETE", path), words("hook_was_deleted"))],
    rotate: [words("hook_rotate_sure"), () => doing(async () => { secret = { host: hostOf(hook.url), text: (await ask("POST", `${path}/secret`)).secret }; })],
  };
  if (sure?.id === hook.id) {
    const [label, work] = certain[sure.what];
    return h("div", { class: "row-actions" }, press(`sure-${hook.id}`, label, work, sure.what === "rotate" ? "" : "bad"), press(`not-${hook.id}`, words("cancel"), () => { sure = null; draw(); }));
  }
  const ping = () => act(async () => { await log.follow(hook.id, (await ask("POST", `${path}/ping`)).delivery_id, draw); await load(); }, words("hook_pinged"));
  const toLog = () => act(async () => { log.shown() === hook.id ? log.close() : log.open(hook.id); await log.load(); });
  return h(
    "div",
    { class: "row-actions" },
    press(`log-${hook.id}`, log.shown() === hook.id ? words("hook_log_close") : words("hook_log"), toLog),
    hook.disabled_at ? press(`open-${hook.id}`, words("hook_enable"), () => doing(() => ask("PATCH", path, { disabled: false }), words("hook_was_enabled"))) : press(`ping-${hook.id}`, words("hook_ping"), ping),
    press(`edit-${hook.id}`, words("hook_change"), () => { edited = { id: hook.id, url: hook.url, events: new Set(hook.events) }; draw(); }),
    asks("rotate", words("hook_rotate")),
    hook.disabled_at ? null : asks("disable", words("hook_disable")),
    asks("delete", words("hook_delete")),
  );
}

function editing(hook, act, draw) {
  const save = () =>
    act(async () => {
      await ask("PATCH", `webhooks/${hook.id}`, { url: edited.url, events: [...edited.events] });
      edited = null;
      await load();
    }, words("hook_changed"));
  return form(`edit-${hook.id}`, edited, words("hook_save"), save, press(`stop-${hook.id}`, words("cancel"), () => { edited = null; draw(); }));
}

function adding(act) {
  const add = () =>
    act(async () => {
      const answer = await ask("POST", "webhooks", { url: made.url, events: [...made.events] });
      secret = { host: hostOf(answer.webhook.url), text: answer.secret };
      made = nothing();
      await load();
    });
  return h("section", { class: "sheet" }, h("h2", {}, words("hook_add")), form("new-hook", made, words("hook_make"), add));
}

/** The fields of an endpoint: `wish` holds what is typed and ticked. */
function form(key, wish, label, onsend, more = null) {
  const tick = (event) => {
    const box = h("input", { type: "checkbox", "data-key": `${key}-${event}`, checked: wish.events.has(event), onchange: ({ target }) => (target.checked ? wish.events.add(event) : wish.events.delete(event)) });
    return h("label", { class: "tick" }, box, h("span", {}, said(event), h("small", { class: "quiet" }, event)));
  };
  return h(
    "form",
    { class: "hook-form", onsubmit: (sent) => { sent.preventDefault(); onsend(); } },
    field(words("hook_url"), input(`${key}-url`, wish.url, (value) => (wish.url = value), { type: "url", required: true, maxlength: 500, autocomplete: "off", spellcheck: "false", placeholder: "https://example.org/hook" })),
    h("fieldset", {}, h("legend", {}, words("hook_events")), events.map(tick)),
    h("div", { class: "row-actions" }, h("button", { class: "button primary", type: "submit", "data-key": `${key}-send` }, label), more),
  );
}

function said(event) {
  return words(`event_${event.replaceAll(".", "_")}`);
}
