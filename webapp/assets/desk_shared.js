// What all parts of the review desk share: what Python gave them last, their places on the page, and their words.

import { h, show } from "./dom.js";
import { t } from "./words.js";

export const places = new Map(); // slot name -> {root, trigger}

/** `facts`: what came from Python after the last event (webapp/pages/review/handlers.py); null before the first. */
export const desk = { facts: null, said: null };

const slots = {}; // slot name -> what gives its content

export const words = (key, values) => t(`desk.${key}`, values);

/** Say what fills a slot. */
export function fill(name, content) {
  slots[name] = content;
}

export function draw(name) {
  const { root } = places.get(name);
  const content = slots[name]();
  if (content && root.childNodes.length === 1 && root.firstChild === content) return; // what somebody types in stays
  show(root, content);
}

export function drawAll() {
  for (const name of places.keys()) draw(name);
}

/** Gradio found the element of a slot. */
export function mount({ name, element, trigger }) {
  if (!(name in slots)) return;
  places.set(name, { root: element.querySelector(".slot") ?? element, trigger });
  if (desk.facts) draw(name);
}

export function open(id) {
  places.get("desk-list").trigger("select", { id });
}

/** Have Python read the open case, and what waits, once more; `notice` is said with it: `{kind, text}`. */
export function lookAgain(notice = null) {
  desk.said = notice;
  document.querySelector("#desk-refresh")?.click();
}

export function stateBadge(state) {
  const kind = { approved: "good", edited_approved: "good", auto_released: "good", rejected: "bad", withdrawn: "bad" }[state] ?? "";
  return h("span", { class: `state ${kind}` }, words(`state_${state}`));
}
