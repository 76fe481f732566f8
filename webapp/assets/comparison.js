// The debrief of a talk and that of its new try, side by side: levels where they may be compared, and the words.

import { go, NOTHING_OPEN, openConversation } from "./actions.js";
import { call } from "./api.js";
import { differenceWords } from "./differences.js";
import { h, icon, show } from "./dom.js";
import { change, state } from "./state.js";
import { t, when } from "./words.js";

const SHOWN = ["auto_released", "approved", "edited_approved"];

/** The tries of the open talk that came after it and have a debrief to show. */
const laterTries = () => (state.list ?? []).filter((talk) => talk.again_of === state.conversation?.id && SHOWN.includes(talk.feedback?.review_state));

/** Their debriefs, in words that change when they do. */
export const laterDebriefs = () => laterTries().map((talk) => talk.feedback.id).join(" ");

/** What the open debrief can be compared with: the try before, and the tries that came after it. */
export function comparisons(feedback) {
  const isLater = state.conversation?.origin === "again" && state.moment?.hasDebrief;
  const later = laterTries();
  if (!isLater && later.length === 0) return null;
  return h(
    "div",
    { class: "comparisons" },
    isLater ? compareButton(feedback.id, t("compare_with_earlier")) : null,
    later.map((talk) => compareButton(talk.feedback.id, t("compare_with_later", { when: when(talk.updated_at) }))),
  );
}

function compareButton(feedbackId, label) {
  return h("button", { class: "button small wide", type: "button", "data-key": `compare-${feedbackId}`, onclick: () => showComparison(feedbackId, { push: true }) }, icon("beside"), label);
}

export async function showComparison(feedbackId, { push = false } = {}) {
  go({ compare: feedbackId }, push);
  change({ ...NOTHING_OPEN, view: "compare", comparing: feedbackId, comparison: null, comparisonError: null });
  scrollTo({ top: 0 });
  try {
    const comparison = await call("GET", `feedback/${feedbackId}/compare`);
    if (state.comparing === feedbackId) change({ comparison });
  } catch (error) {
    if (state.comparing === feedbackId) change({ comparisonError: error.status === 404 ? t("compare_nothing") : error.message });
  }
}

export function renderComparison(root) {
  if (state.view !== "compare") return show(root);
  const { comparison, comparisonError } = state;
  if (comparisonError) return show(root, h("div", { class: "comparison" }, h("h1", {}, t("compare_title")), h("p", { class: "problem", role: "alert" }, comparisonError)));
  if (!comparison) return show(root, h("p", { class: "quiet", role: "status" }, t("loading")));
  show(root, sideBySide(comparison));
}

function sideBySide({ before, after, same_versions: isSame, different, criteria }) {
  return h(
    "article",
    { class: "comparison" },
    h("button", { class: "back", type: "button", "data-key": "compare-back", onclick: () => openConversation(after.conversation_id, { push: true }) }, icon("back"), t("compare_back")),
    h("h1", {}, t("compare_title")),
    isSame ? null : h("p", { class: "note" }, t("compare_not_same", { what: differenceWords(different) })),
    h("section", { class: "compared" }, h("h2", {}, t("compare_said")), pair(spoken(before), spoken(after))),
    criteria.map((one) => criterion(one, isSame)),
    before.next_step || after.next_step ? h("section", { class: "compared" }, h("h2", {}, t("next_step")), pair(words(before.next_step), words(after.next_step))) : null,
    h("div", { class: "pair" }, openTalk(before, t("again_open_first")), openTalk(after, t("compare_open_after"))),
  );
}

/** Both sides under each other on phones: each says which it is. */
function pair(before, after) {
  return h("div", { class: "pair" }, side(t("compare_before"), before), side(t("compare_after"), after));
}

const side = (name, ...content) => h("div", { class: "side" }, h("span", { class: "side-name" }, name), content);
const spoken = ({ said }) => (said ? h("blockquote", {}, said) : words(null));
const words = (text) => h("p", { class: text ? null : "quiet" }, text ?? t("compare_nothing_here"));

function criterion({ name, before, after }, isSame) {
  return h(
    "section",
    { class: "compared" },
    h("div", { class: "compared-head" }, h("h2", {}, name), isSame ? changed(before, after) : null),
    pair(stand(before, isSame), stand(after, isSame)),
  );
}

function changed(before, after) {
  if (!before?.level || !after?.level) return null;
  const step = Math.sign(after.level - before.level);
  const [kind, key] = step > 0 ? ["up", "compare_up"] : step < 0 ? ["down", "compare_down"] : ["same", "compare_same"];
  return h("span", { class: `change ${kind}` }, t(key));
}

function stand(one, isSame) {
  if (!one) return h("p", { class: "quiet" }, t("compare_no_criterion"));
  return [
    isSame && one.level ? [h("b", { class: "side-level" }, one.level_name ?? t("level", { level: one.level })), steps(one.level)] : null,
    one.status === "scored" ? null : h("b", { class: "side-level quiet" }, t(one.status === "not_observed" ? "not_observed" : "unscored")),
    one.quote ? h("blockquote", {}, one.quote) : null,
    one.reason ? h("p", {}, one.reason) : null,
  ];
}

function steps(level) {
  return h("div", { class: "steps", role: "img", "aria-label": t("level", { level }) }, [1, 2, 3, 4, 5].map((step) => h("i", { class: step <= level ? "on" : null })));
}

function openTalk({ conversation_id: id }, label) {
  return h("button", { class: "button", type: "button", "data-key": `open-${id}`, onclick: () => openConversation(id, { push: true }) }, label);
}
