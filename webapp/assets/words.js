// The page's words in the reader's language, and how it writes times.

import { TEXTS } from "./texts.js";

export const LANGUAGE = (navigator.languages ?? [navigator.language])
  .map((tag) => tag.toLowerCase().split("-")[0])
  .find((tag) => tag in TEXTS) ?? "en";

/** The text under `key` with its `$placeholders` filled. */
export function t(key, values = {}) {
  const text = TEXTS[LANGUAGE][key] ?? TEXTS.en[key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\$(\w+)/g, (_, name) => String(values[name] ?? ""));
}

const CLOCK = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });

const MONTH = new Intl.DateTimeFormat(LANGUAGE, { month: "long", year: "numeric" });

export const clock = (timestamp) => CLOCK.format(new Date(timestamp));
export const shortDay = (timestamp) => DAY.format(new Date(timestamp));
export const monthAndYear = (date) => MONTH.format(date);
const WHOLE_DAY = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "long" });

/** "12 November 2026". */
export const day = (timestamp) => WHOLE_DAY.format(new Date(timestamp));

/** "10:12" today, "Yesterday", else "12 Nov". */
export function when(timestamp) {
  const date = new Date(timestamp);
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return CLOCK.format(date);
  if (date.toDateString() === yesterday.toDateString()) return t("yesterday");
  return DAY.format(date);
}
