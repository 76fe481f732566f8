// "Your data": what this server keeps of the visitor, in numbers, and how to take it away or have it deleted.

import { closeSidebarOnPhones, go, NOTHING_OPEN, showStart } from "./actions.js";
import { account, accountPanel } from "./account.js";
import { call } from "./api.js";
import { h, icon, show } from "./dom.js";
import { askToLeave, leave, stay, takeNumbers } from "./leaving.js";
import { offered, otherDevice } from "./linking.js";
import { wholeStory } from "./privacy.js";
import { change, state } from "./state.js";
import { exportAllLink } from "./talk_files.js";
import { programs, refreshTokens } from "./tokens.js";
import { day, number, t } from "./words.js";

const KINDS = ["talks", "messages", "ratings", "debriefs", "versions", "reactions", "objections", "accounts", "other"];

export function showMine({ push = false } = {}) {
  go({ view: "data" }, push);
  change({ ...NOTHING_OPEN, view: "mine", leaving: null, left: takeNumbers(), link: null, tokens: {}, account: {} });
  closeSidebarOnPhones();
  scrollTo({ top: 0 });
  return refreshMine();
}

export async function refreshMine() {
  refreshTokens();
  try {
    change({ mine: await call("GET", "me/data"), mineError: null });
  } catch (error) {
    change({ mineError: error.message });
  }
}

export function renderMine(root) {
  if (state.view !== "mine") return show(root);
  show(
    root,
    h(
      "article",
      { class: "mine" },
      h("header", { class: "hero" }, h("h1", {}, t("your_data")), h("p", {}, t("your_data_lead"))),
      offered(),
      state.left ? farewell(state.left) : null,
      state.mineError ? problem() : null,
      kept(),
      accountPanel(),
      h("section", { class: "panel" }, h("h2", {}, t("privacy_title")), h("ul", { class: "story" }, wholeStory().map((words) => h("li", {}, words)))),
      otherDevice(),
      programs(),
      isAnything() ? deletion() : null,
    ),
  );
}

const isAnything = () => Boolean(state.mine && KINDS.some((kind) => state.mine[kind]));

function problem() {
  return h("p", { class: "problem", role: "alert" }, state.mineError, " ", h("button", { class: "button small", type: "button", onclick: refreshMine }, t("try_again")));
}

/** What the deletion did. Told where the reader is, once. */
function farewell(numbers) {
  const something = KINDS.some((kind) => numbers[kind]);
  return h(
    "section",
    { class: "panel farewell", role: "status" },
    h("h2", {}, icon("check"), t("left_title")),
    something ? [h("p", {}, t("left_numbers")), numberList(numbers)] : null,
    numbers.accounts ? h("p", {}, t("left_account")) : null,
    h("p", {}, t("left_cookie")),
    h("div", { class: "row" }, h("button", { class: "button", type: "button", "data-key": "left-new", onclick: () => showStart({ push: true }) }, t("new_conversation"))),
  );
}

function kept() {
  if (!state.mine) return state.mineError ? null : h("p", { class: "quiet", role: "status" }, t("loading"));
  if (!isAnything()) return state.left ? null : h("section", { class: "panel" }, h("p", {}, t("nothing_kept")));
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("kept_title")),
    state.mine.since ? h("p", { class: "quiet" }, t("kept_since", { day: day(state.mine.since) })) : null,
    numberList(state.mine),
    state.mine.talks ? h("a", { class: "button", href: exportAllLink(), download: "", "data-key": "mine-save-all" }, icon("save"), t("save_all")) : null,
  );
}

function numberList(numbers) {
  const shown = KINDS.filter((kind) => numbers[kind]);
  return h("dl", { class: "numbers" }, shown.map((kind) => h("div", {}, h("dt", {}, t(LABELS[kind])), h("dd", {}, number(numbers[kind])))));
}

const LABELS = {
  talks: "number_talks",
  messages: "number_messages",
  ratings: "number_ratings",
  debriefs: "number_debriefs",
  versions: "number_versions",
  reactions: "number_reactions",
  objections: "number_objections",
  accounts: "number_accounts",
  other: "number_other",
};

function deletion() {
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("delete_all_title")),
    h("p", {}, t("delete_all_what"), account() ? ` ${t("delete_all_account", account())}` : null),
    state.leaving?.error ? h("p", { class: "problem", role: "alert" }, state.leaving.error) : null,
    state.leaving?.isAsked ? question() : h("div", { class: "row" }, h("button", { class: "button danger", type: "button", "data-key": "delete-all", onclick: askToLeave }, icon("trash"), t("delete_all"))),
  );
}

function question() {
  const busy = Boolean(state.leaving.isAtWork);
  const yes = h("button", { class: "button danger", type: "button", "data-key": "delete-all-yes", disabled: busy, onclick: leave }, t(busy ? "deleting" : "delete_all_yes"));
  const no = h("button", { class: "button", type: "button", "data-key": "delete-all-no", disabled: busy, onclick: stay }, t("cancel"));
  if (!busy) queueMicrotask(() => document.activeElement === yes || no.focus());
  return h("div", { class: "question", role: "alertdialog", "aria-label": t("delete_all_title") }, h("p", {}, t("delete_all_question")), h("div", { class: "row" }, yes, no));
}
