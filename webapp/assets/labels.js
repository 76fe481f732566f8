// Names for Gradio's own elements, in the reader's language: Gradio has them in English or not at all.

import { nameSpeakers } from "./speakers.js";
import { scenarioOf, state } from "./state.js";
import { t } from "./words.js";

const NAMES = [
  [".sidebar .toggle-button", "toggle_sidebar"],
  ["#message .submit-button", "send"],
  ["#message .stop-button", "stop"],
  ["#message textarea", "message_label"],
  ["#transcript .bubble-wrap", "transcript_label"],
  ["#transcript button[title='Copy message']", "copy_message"],
];

/** Doing it twice changes nothing, so it may follow every drawing. */
export function nameGradiosElements() {
  for (const [selector, key] of NAMES) for (const element of document.querySelectorAll(selector)) name(element, t(key));
  nameSpeakers(t("speaker_you"), partnerName());
  const log = document.querySelector("#transcript .bubble-wrap");
  if (log && log.getAttribute("aria-live") !== "off") log.setAttribute("aria-live", "off"); // announce.js tells instead
  const toggle = document.querySelector(".sidebar .toggle-button");
  const isOpen = String(Boolean(document.querySelector(".sidebar.open")));
  if (toggle && toggle.getAttribute("aria-expanded") !== isOpen) toggle.setAttribute("aria-expanded", isOpen);
}

/** Who answers in the open talk. */
export const partnerName = () => scenarioOf(state.conversation)?.persona.name ?? t("speaker_partner");

function name(element, words) {
  if (element.getAttribute("aria-label") === words) return;
  element.setAttribute("aria-label", words);
  if (element.matches("button")) element.title = words;
}
