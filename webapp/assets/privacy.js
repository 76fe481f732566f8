// Who reads a talk and how long it is kept, before the first word of it: one line, and the whole of it behind "more".

import { h } from "./dom.js";
import { showMine } from "./mine.js";
import { FACTS } from "./texts.js";
import { t } from "./words.js";

export function privacyLine() {
  return h(
    "div",
    { class: "privacy" },
    h("p", {}, t("privacy"), " ", keptWords()),
    h(
      "details",
      { "data-key": "privacy-more" },
      h("summary", {}, t("privacy_more")),
      h("ul", {}, wholeStory().map((words) => h("li", {}, words)), h("li", {}, h("button", { class: "link", type: "button", "data-key": "privacy-data", onclick: () => showMine({ push: true }) }, t("privacy_data")))),
    ),
  );
}

/** For how long talks are kept, as this server's settings have it. */
export const keptWords = () => (FACTS.kept.talks ? t("kept_days", { days: FACTS.kept.talks }) : t("kept_until_deleted"));

export function wholeStory() {
  const { feedback, backups } = FACTS.kept;
  return [
    t("privacy_reviewers"),
    t("privacy_operator"),
    t(FACTS.own_model ? "privacy_own_model" : "privacy_other_model"),
    keptWords(),
    feedback ? t("kept_feedback_days", { days: feedback }) : null,
    backups ? t("kept_backups_days", { days: backups }) : t("kept_backups"),
    t("privacy_cookie"),
  ].filter(Boolean);
}
