// Trying a moment again: the button at a weak moment, and what stands above the message box in the new try.
//
// The new talk is a copy up to just before what was said. The old words are shown beside it, never typed in for
// the visitor, and the hint stays behind a click: first they try.

import { openConversation } from "./actions.js";
import { call } from "./api.js";
import { h, icon } from "./dom.js";
import { repaint } from "./painter.js";
import { change, isCopied, saidHere, state } from "./state.js";
import { refreshList } from "./talk_list.js";
import { t } from "./words.js";

/** From this level up there is nothing weak about a moment. */
const GOOD = 4;
const MOST_HINTS = 2;

/**
 * The button that begins anew before the first quote of `item`, an improvement or a criterion's result.
 * Null where nothing is quoted, or where the level is good.
 */
export function againButton(feedback, item) {
  const [evidence] = item.evidence;
  if (!evidence || item.level >= GOOD) return null;
  const key = `again-${item.key ? "criterion" : "improvement"}-${item.key ?? item.criterion}-${evidence.message_id}`;
  const pressed = state.again?.key === key ? state.again : null;
  return h(
    "div",
    { class: "again" },
    h(
      "button",
      { class: "button small", type: "button", "data-key": key, disabled: state.again?.isStarting, onclick: () => tryAgain(feedback, evidence.message_id, key) },
      icon("retry"),
      t(pressed?.isStarting ? "starting" : "again_from_here"),
    ),
    pressed?.error ? h("p", { class: "problem", role: "alert" }, pressed.error) : null,
  );
}

async function tryAgain(feedback, messageId, key) {
  change({ again: { key, isStarting: true } });
  try {
    const { id } = await call("POST", `feedback/${feedback.id}/again`, { body: { message_id: messageId } });
    await openConversation(id, { push: true });
    change({ again: null });
  } catch (error) {
    change({ again: { key, error: error.message } });
  }
  refreshList();
}

// ---- in the new try -------------------------------------------------------------------------------------------

/** Read what the open talk tries again: the old words, and what the debrief of that talk said about them. */
export async function refreshMoment(id) {
  const { origin, again_of: of, again_from: from } = state.conversation ?? {};
  if (state.conversation?.id !== id || origin !== "again") return;
  const moment = of ? await readMoment(of, from) : { isGone: true };
  if (state.conversation?.id !== id) return;
  change({ moment });
  if (saidHere().length === 0) showEnd();
}

async function readMoment(of, from) {
  try {
    const [{ text }, { items }] = await Promise.all([call("GET", `messages/${from}`), call("GET", `conversations/${of}/feedback`)]);
    const shown = items.filter(({ body }) => body);
    const debrief = shown.find(({ body }) => partsAbout(body, from).length) ?? shown[0];
    return { of, said: text, hints: debrief ? hints(debrief.body, from) : [], hasDebrief: shown.length > 0 };
  } catch {
    return { of, said: null, hints: [], hasDebrief: false }; // the talk itself goes on without it
  }
}

/** What stands below takes room: keep the partner's last line in sight. */
const showEnd = () => requestAnimationFrame(() => repaint({ toEnd: true }));

const quotes = (item, messageId) => item.evidence.some((evidence) => evidence.message_id === messageId);
const partsAbout = ({ improvements, criteria }, messageId) =>
  [...improvements, ...criteria.filter(({ level }) => level < GOOD)].filter((item) => quotes(item, messageId));

/** What was said about the message, the weakest criteria first: `{name, words, rewrite, isExample}`, no sentence twice. */
function hints(body, messageId) {
  const found = new Map();
  for (const item of partsAbout(body, messageId).sort((one, other) => (one.level ?? 0) - (other.level ?? 0))) {
    const key = item.criterion ?? item.key;
    const hint = found.get(key) ?? { name: body.criteria.find((result) => result.key === key)?.name ?? "", words: [] };
    const words = item.problem ?? item.tip ?? item.reason;
    if (words && !hint.words.includes(words)) hint.words.push(words);
    if (item.rewrite) Object.assign(hint, { rewrite: item.rewrite, isExample: item.is_example || body.way === "rubric" });
    found.set(key, hint);
  }
  return [...found.values()].slice(0, MOST_HINTS);
}

/** Above the message box: what is tried anew. Open until something was said, then one line to look it up. */
export function moment() {
  const { moment: tried } = state;
  if (!tried) return null;
  if (tried.isGone) return saidHere().length ? null : h("p", { class: "quiet" }, t("again_gone"));
  const isFresh = saidHere().length === 0 && !state.sending;
  const names = tried.hints.map(({ name }) => name).filter(Boolean).join(", ");
  if (!isFresh) {
    return h("details", { class: "moment", "data-key": "moment-past" }, h("summary", { onclick: showEnd }, icon("retry"), t("again_past")), lastTime(tried));
  }
  return h("section", { class: "moment", "aria-label": t("again_title") }, h("p", { class: "moment-title" }, icon("retry"), h("b", {}, t("again_title")), names ? h("span", {}, names) : null), lastTime(tried));
}

function lastTime({ of, said, hints: about }) {
  return [
    said === null ? null : h("figure", { class: "moment-said" }, h("figcaption", {}, t("again_last_time")), h("blockquote", { tabindex: 0 }, said)),
    h(
      "div",
      { class: "moment-foot" },
      about.length ? h("details", { class: "moment-hint", "data-key": "moment-hint" }, h("summary", { onclick: showEnd }, t("again_hint")), about.map(hint)) : null,
      h("button", { class: "link", type: "button", "data-key": "moment-open", onclick: () => openConversation(of, { push: true }) }, t("again_open_first")),
    ),
  ];
}

function hint({ name, words, rewrite, isExample }) {
  return h(
    "div",
    { class: "hint" },
    name ? h("b", {}, name) : null,
    words.map((sentence) => h("p", {}, sentence)),
    rewrite ? h("p", { class: "hint-rewrite" }, h("b", {}, t(isExample ? "again_example" : "rewrite")), " ", rewrite) : null,
  );
}

/** Under the last copied message, in words: here the new try begins. Null elsewhere. */
export function beginningMark(message) {
  return isCopied(message) && message === state.messages.findLast(isCopied) ? t("again_begins") : null;
}
