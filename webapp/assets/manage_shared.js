// What the parts of the management page share: asking the API, fields, tables, times.

import { h } from "./dom.js";
import { LOCALE, t } from "./words.js";

const STAMP = new Intl.DateTimeFormat(LOCALE, { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

export const number = new Intl.NumberFormat(LOCALE);
export const words = (key, values) => t(`manage.${key}`, values);
export const stamp = (at) => (at ? STAMP.format(new Date(at)) : "–");

/** Ask a route below /api/v1/. Throws an Error with a sentence for the person. */
export async function ask(method, path, body) {
  const headers = { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Error(words("unreachable"));
  }
  if (response.status === 401) location.assign(`/admin/login?next=${encodeURIComponent(location.pathname)}`);
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.message ?? words("unreachable"));
  return answer;
}

/** An address's query out of what was chosen; what is empty is left out, lists are repeated. */
export function query(values) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) for (const one of [value].flat()) if (one !== "" && one !== null && one !== undefined) search.append(name, one);
  return search.toString();
}

export function field(label, control, note) {
  return h("label", { class: "field" }, h("span", {}, label), control, note ? h("small", { class: "quiet" }, note) : null);
}

/** A menu: `choices` are `[value, text]`; `label` where no words beside it say what it is. */
export function menu(key, choices, value, onchange, label = null) {
  return h("select", { "data-key": key, "aria-label": label, onchange: ({ target }) => onchange(target.value) }, choices.map(([one, text]) => h("option", { value: one, selected: one === value }, text)));
}

export function input(key, value, oninput, more = {}) {
  return h("input", { "data-key": key, value, oninput: ({ target }) => oninput(target.value), ...more });
}

export function press(key, label, onclick, kind = "") {
  return h("button", { type: "button", class: `button small ${kind}`, "data-key": key, onclick }, label);
}

/** A table in a box of its own, so that only it scrolls sideways where it is too wide. On a phone each row is a card, and
    each cell says what its column is. */
export function table(columns, rows, empty) {
  if (!rows.length) return h("p", { class: "quiet" }, empty);
  for (const row of rows) [...row.children].forEach((cell, n) => (cell.dataset.label = columns[n]));
  return h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)));
}
