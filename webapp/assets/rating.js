// Why an answer is good or bad: a few reasons and an optional comment, asked for after the thumb.

import { h } from "./dom.js";
import { closeRating, sendRating } from "./message_actions.js";
import { change, state } from "./state.js";
import { t } from "./words.js";

export const THUMBS = { up: "rate_up", down: "rate_down" };
const REASONS = {
  up: { lifelike: "rate_lifelike", challenging: "rate_challenging", to_the_point: "rate_to_the_point" },
  down: {
    out_of_role: "rate_out_of_role",
    repeats_itself: "rate_repeats_itself",
    too_long: "rate_too_long",
    makes_no_sense: "rate_makes_no_sense",
    wrong_language: "rate_wrong_language",
    offensive: "rate_offensive",
    other: "rate_other",
  },
};
const COMMENT_MAX_CHARS = 1000;

export function ratingForm(message) {
  const { value, reasons, isSending, error } = state.rating;
  const toggle = (code) => change({ rating: { ...state.rating, reasons: reasons.includes(code) ? reasons.filter((one) => one !== code) : [...reasons, code] } });
  const chip = ([code, words]) => h("button", { class: "chip small", type: "button", "aria-pressed": String(reasons.includes(code)), "data-key": `reason-${code}`, onclick: () => toggle(code) }, t(words));
  return h(
    "form",
    { class: "tool-form", "aria-label": t(THUMBS[value]), onsubmit: (event) => (event.preventDefault(), sendRating()), onkeydown: (event) => event.key === "Escape" && !event.isComposing && closeRating() },
    h("p", { class: "quiet" }, t(value === "up" ? "rate_why_up" : "rate_why_down")),
    h("div", { class: "chips" }, Object.entries(REASONS[value]).map(chip)),
    h("textarea", { rows: 2, maxlength: COMMENT_MAX_CHARS, value: state.rating.comment, "aria-label": t("rate_comment"), placeholder: t("rate_comment"), "data-key": `rate-comment-${message.id}`, oninput: (event) => (state.rating.comment = event.target.value) }),
    error ? h("p", { class: "problem", role: "alert" }, error) : null,
    h(
      "div",
      { class: "row" },
      h("button", { class: "button small primary", type: "submit", disabled: isSending, "data-key": "rate-send" }, t("rate_send")),
      h("button", { class: "button small", type: "button", "data-key": "rate-close", onclick: closeRating }, t("rate_close")),
    ),
  );
}
