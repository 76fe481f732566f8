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

const TAGS = navigator.languages ?? [navigator.language];

/** How this reader writes times and numbers: "en-GB" where the browser says so, not just "en". */
export const LOCALE = TAGS.find((tag) => tag.toLowerCase().split("-")[0] === LANGUAGE) ?? LANGUAGE;

const CLOCK = new Intl.DateTimeFormat(LOCALE, { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const MONTH = new Intl.DateTimeFormat(LOCALE, { month: "long", year: "numeric" });
const WHOLE_DAY = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long" });
const MOMENT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });

export const clock = (timestamp) => CLOCK.format(new Date(timestamp));
export const shortDay = (timestamp) => DAY.format(new Date(timestamp));
export const monthAndYear = (date) => MONTH.format(date);

/** "12 November 2026". */
export const day = (timestamp) => WHOLE_DAY.format(new Date(timestamp));

/** "12 Nov 2026, 10:12". */
export const dayAndTime = (timestamp) => MOMENT.format(new Date(timestamp));

/** "1,234"; with `digits` at most so many after the point. */
export const number = (value, digits = 0) => value.toLocaleString(LOCALE, { maximumFractionDigits: digits });

/** "48 sec", "4 min 5 sec". */
export function duration(seconds) {
  const parts = seconds < 60 ? [[seconds, "second"]] : [[Math.floor(seconds / 60), "minute"], [seconds % 60, "second"]];
  return parts.map(([value, unit]) => value.toLocaleString(LOCALE, { style: "unit", unit, unitDisplay: "short" })).join(" ");
}

/** "10:12" today, "Yesterday", else "12 Nov". */
export function when(timestamp) {
  const date = new Date(timestamp);
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return CLOCK.format(date);
  if (date.toDateString() === yesterday.toDateString()) return t("yesterday");
  return DAY.format(date);
}
