// What all parts of the review desk share: what Python gave them last, their places on the page, and their words.

import { h, show } from "./dom.js";
import { LANGUAGE, t } from "./words.js";

export const places = new Map(); // slot name -> {root, trigger}

/**
 * `facts`: what came from Python after the last event (webapp/pages/review/handlers.py); null before the first.
 * `openedAt`: when its case was opened, in ms.
 * `isBusy`: an event is under way, so a key waits for no second one. `said`: the notice of the next facts. `remark`: say something in passing.
 */
export const desk = {
  facts: null,
  openedAt: 0,
  said: null,
  isBusy: false,
  remark(text) {
    if (!desk.facts) return;
    desk.facts.notice = { kind: "good", text };
    draw("desk-notice");
  },
};

const slots = {}; // slot name -> what gives its content

export const words = (key, values) => t(`desk.${key}`, values);

/** Say what fills a slot. */
export function fill(name, content) {
  slots[name] = content;
}

/** Fill a slot anew; an element that is there already stays as it is. */
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
  begin();
  places.get("desk-list").trigger("select", { id });
}

/** Press one of Python's buttons, such as "approve". False: it is not there, because it makes no sense now. */
export function press(name) {
  const button = document.querySelector(`#desk-${name}`);
  if (!button) return false;
  if (["approve", "next", "skip", "confirm-reject", "claim"].includes(name)) begin();
  button.click();
  return true;
}

/**
 * After a decision made by other means than Python's buttons: the next one, as after an approval. Who looked at something
 * that did not wait stays with it. `before` is the case as it stood; `notice` is said of what was done.
 */
export function goOn(before, notice) {
  desk.said = notice;
  const waited = ["pending", "claimed"].includes(before.state);
  if (!(waited && (press("skip") || press("next")))) lookAgain(notice);
}

let busyTimer = 0;

function begin() {
  desk.isBusy = true;
  clearTimeout(busyTimer);
  busyTimer = setTimeout(unanswered, 10_000); // no answer is no reason to be deaf for ever
}

function unanswered() {
  ended();
  desk.facts.notice = { kind: "bad", text: words("no_answer") };
  draw("desk-notice");
}

/** The event's facts are there. */
export function ended() {
  clearTimeout(busyTimer);
  desk.isBusy = false;
}

/** Have Python read the open case, and what waits, once more; `notice` is said with it: `{kind, text}`. */
export function lookAgain(notice = null) {
  desk.said = notice ?? desk.said;
  document.querySelector("#desk-refresh")?.click();
}

export function stateBadge(state) {
  const kind = { approved: "good", edited_approved: "good", auto_released: "good", rejected: "bad", withdrawn: "bad" }[state] ?? "";
  return h("span", { class: `state ${kind}` }, words(`state_${state}`));
}

const COUNTED = 1000; // the server counts no further: one more stands for all that is beyond

/** A number of debriefs for people, such as "1,000+". */
export const many = (n) => (n > COUNTED ? `${COUNTED.toLocaleString(LANGUAGE)}+` : n.toLocaleString(LANGUAGE));
