// The log of one webhook: what was sent, what came of each attempt, and sending again by hand.

import { h } from "./dom.js";
import { ask, field, menu, press, query, stamp, table, words } from "./manage_shared.js";

const STATES = ["waiting", "delivered", "given_up"];
const FOLLOW_TIMES = 20;
let id = null; // of the endpoint whose log is open
let wanted = { state: "", event: "" };
let pages = [];

export const shown = () => id;

export function open(webhook) {
  id = webhook;
  wanted = { state: "", event: "" };
  pages = [];
}

export function close() {
  id = null;
  pages = [];
}

export async function load() {
  if (id) pages = [await ask("GET", `webhooks/${id}/deliveries?${query(wanted)}`)];
}

/** Open the log and look again each half second until something has come of this delivery. */
export async function follow(webhook, delivery, draw) {
  if (id !== webhook) open(webhook);
  const look = async (times) => {
    if (id !== webhook || !times) return;
    await load().catch(() => {});
    draw();
    const one = pages[0]?.items.find((item) => item.id === delivery);
    if (!one || (one.attempts.length && one.state !== "sending")) return;
    setTimeout(look, 500, times - 1);
  };
  setTimeout(look, 500, FOLLOW_TIMES);
}

export function content(hook, events, act, draw) {
  const set = (name) => (value) => {
    wanted[name] = value;
    act(load);
  };
  const next = pages.at(-1)?.next;
  const more = () => act(async () => void pages.push(await ask("GET", `webhooks/${id}/deliveries?${query({ ...wanted, cursor: next })}`)));
  const any = ["", words("any")];
  const all = () =>
    act(async () => {
      const { deliveries } = await ask("POST", `webhooks/${id}/again`);
      await load();
      return words("hook_again_all_queued", { n: deliveries });
    });
  const items = pages.flatMap((page) => page.items);
  return h(
    "section",
    { class: "sheet hook-log", "aria-label": words("hook_log_of", { host: new URL(hook.url).host }) },
    h("h2", {}, words("hook_log_of", { host: new URL(hook.url).host })),
    h(
      "div",
      { class: "fields" },
      field(words("state"), menu("hook-state", [any, ...STATES.map((state) => [state, words(`hook_state_${state}`)])], wanted.state, set("state"))),
      field(words("hook_event"), menu("hook-event", [any, ...[...events, "ping"].map((event) => [event, event])], wanted.event, set("event"))),
      press("hook-refresh", words("refresh"), () => act(load)),
      hook.given_up && !hook.disabled_at ? press("hook-all-again", words("hook_again_all"), all) : null,
    ),
    table(["when", "hook_event", "hook_outcome", "hook_attempts", "actions"].map((name) => words(name)), items.map((delivery) => row(hook, delivery, act, draw)), words("hook_log_empty")),
    next ? h("div", {}, press("hook-older", words("older"), more)) : null,
  );
}

function row(hook, delivery, act, draw) {
  const kind = { delivered: "good", given_up: "bad" }[delivery.state] ?? "";
  const again = () =>
    act(async () => {
      await ask("POST", `webhooks/${hook.id}/deliveries/${delivery.id}/again`);
      await load();
      await follow(hook.id, delivery.id, draw);
    }, words("hook_again_queued"));
  return h(
    "tr",
    {},
    h("td", {}, stamp(delivery.created_at)),
    h("td", {}, delivery.event, h("small", { class: "quiet" }, delivery.feedback_id ?? ""), h("details", { "data-key": `body-${delivery.id}` }, h("summary", {}, words("hook_show_body")), h("pre", {}, pretty(delivery.body)))),
    h("td", {}, h("span", { class: `state ${kind}` }, words(`hook_state_${delivery.state}`)), delivery.due_at && delivery.attempts.length ? h("small", { class: "quiet" }, words("hook_next", { at: stamp(delivery.due_at) })) : null),
    h("td", { class: "hook-attempts" }, delivery.attempts.length ? h("ul", {}, delivery.attempts.map(attempt)) : "–"),
    h("td", {}, hook.disabled_at || delivery.state === "sending" ? null : press(`again-${delivery.id}`, words("hook_again"), again)),
  );
}

function attempt({ n, at, duration_s, status, failure }) {
  const said = failure ? words(`hook_failed_${failure}`, { status: status ?? "–" }) : words("hook_ok", { status });
  const took = duration_s === null ? "" : ` · ${words("hook_took", { s: duration_s.toFixed(1) })}`;
  return h("li", {}, h("span", {}, words("hook_attempt", { n, at: stamp(at) })), " ", h("span", { class: failure ? "hook-bad" : "hook-good" }, said), took);
}

function pretty(body) {
  return JSON.stringify(JSON.parse(body), null, 2);
}
