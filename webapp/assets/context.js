// How much of what the model can read at once the talk takes, and where in the transcript its reading begins.

import { h, show } from "./dom.js";
import { state } from "./state.js";
import { number, t } from "./words.js";

const NEARLY_FULL = 0.8;

/** The newest answer whose prompt was counted, or null. */
const counted = () => state.messages.findLast(({ prompt_tokens: tokens, context_tokens: all }) => tokens && all) ?? null;

/** {share: 0 to 1, tokens, of, isAbout, hasLeftOut} of the next prompt, or null before the first answer. */
export function contextUse() {
  const answer = counted();
  if (!answer) return null;
  const written = answer.completion_tokens;
  const tokens = answer.prompt_tokens + (written ?? Math.ceil(answer.text.length / 3));
  const of = answer.context_tokens;
  const isAbout = answer.tokens_estimated || written === null;
  return { share: Math.min(1, tokens / of), tokens, of, isAbout, hasLeftOut: Boolean(answer.prompt_from) };
}

/** A thin line with words behind it. */
export function contextGauge() {
  const use = contextUse();
  if (!use) return null;
  const percent = Math.max(1, Math.round(use.share * 100));
  const summary = use.hasLeftOut ? t("context_left_out") : t(use.isAbout ? "context_about" : "context_used", { percent });
  const isFull = use.hasLeftOut || use.share >= NEARLY_FULL;
  return h(
    "details",
    { class: isFull ? "gauge full" : "gauge", "data-key": "gauge" },
    h("summary", {}, h("span", { class: "gauge-track", "aria-hidden": "true" }, h("i", { style: `width:${use.hasLeftOut ? 100 : percent}%` })), h("span", {}, summary)),
    h("p", {}, t("context_tokens", { tokens: number(use.tokens), of: number(use.of) }), " ", t(use.hasLeftOut ? "context_is_full" : "context_when_full")),
  );
}

/** The id of the oldest message that the model still reads, where it does not read all. */
export const readsFrom = () => counted()?.prompt_from;

/** The mark above that message. */
export function decorateContext(row, message, from) {
  const mark = row.querySelector(":scope > .context-mark");
  if (!from || message?.id !== from) return mark?.remove();
  if (mark) return;
  const added = h("div", { class: "slot context-mark", role: "note" });
  show(added, h("span", {}, t("context_mark")));
  row.prepend(added);
}
