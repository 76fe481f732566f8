// The open case: its head over the talk, and its debrief beside the talk.

import { h, icon } from "./dom.js";
import { desk, fill, lookAgain, open, press, stateBadge, words } from "./desk_shared.js";
import { editor, unfinished } from "./desk_edit.js";
import { remadeNote, tools } from "./desk_tools.js";
import { feedbackBody } from "./feedback_card.js";
import { isOpenElsewhere } from "./desk_tabs.js";
import { showInTalk, turnOf } from "./desk_talk.js";
import { LOCALE } from "./words.js";

const CLOCK = new Intl.DateTimeFormat(LOCALE, { hour: "numeric", minute: "2-digit" });

fill("desk-case-head", caseHead);
fill("desk-card", card);

function caseHead() {
  const shown = desk.facts.case;
  if (!shown) return h("div", { class: "desk-choose" }, h("p", { class: "quiet" }, words(desk.facts.has_next ? "choose" : "choose_none")), desk.facts.has_next ? nextButton() : null);
  return h(
    "div",
    { class: "desk-case-head" },
    h("button", { class: "back desk-back", type: "button", "data-key": "back", onclick: () => open("") }, icon("back"), words("back")),
    h("div", { class: "desk-case-title" }, h("h2", { tabindex: "-1" }, shown.title), stateBadge(shown.is_mine ? "mine" : shown.state)),
    isOpenElsewhere(shown.id) ? h("p", { class: "note", role: "status" }, words("open_elsewhere")) : null,
    standing(shown),
  );
}

function nextButton() {
  return h("button", { class: "button primary", type: "button", "data-key": "next", onclick: () => press("next") }, words("next"));
}

function standing(shown) {
  const name = shown.reviewed_by ?? "?";
  if (shown.state === "claimed") {
    const until = CLOCK.format(new Date(shown.claimed_until));
    return shown.is_mine
      ? [h("p", { class: "quiet" }, words("claimed_by_you", { until })), shown.note ? h("p", { class: "remark" }, shown.note) : null, isDisputed(shown) ? h("p", { class: "note" }, words("disputed_note")) : null]
      : h("p", { class: "note" }, words("claimed_by_other", { name: shown.claimed_by, until }));
  }
  if (shown.state === "pending" && isDisputed(shown)) return h("p", { class: "note" }, words("disputed_note"));
  if (shown.state === "auto_released") return h("p", { class: "quiet" }, words("released_note"));
  if (["approved", "edited_approved"].includes(shown.state)) return h("p", { class: "quiet" }, words(shown.origin === "human_edit" ? "decided_edited" : "decided_approved", { name }));
  if (shown.state === "escalated") return [h("p", { class: "note" }, words("escalated_note")), shown.note ? h("p", { class: "remark" }, shown.note) : null];
  if (shown.state === "regenerating") return h("p", { class: "note", role: "status" }, words("regenerating_note"));
  if (shown.state === "withdrawn") return h("p", { class: "quiet" }, words("decided_withdrawn"));
  if (shown.state !== "rejected") return null;
  return [
    h("p", { class: "quiet" }, words("decided_rejected", { name, reason: words(`reason_${shown.reject_reason ?? "other"}`) })),
    shown.note ? h("p", { class: "remark" }, shown.note) : null,
  ];
}

const isDisputed = ({ disputes }) => disputes.some((dispute) => dispute.is_open);

function card() {
  const shown = desk.facts.case;
  if (!shown?.body) return shown ? h("section", {}, tools(shown)) : null;
  if (editor()) return editor();
  const feedback = { state: shown.job_state, body: shown.body, checks: shown.checks };
  return h(
    "section",
    { class: "debrief", "aria-label": words("feedback") },
    tools(shown),
    unfinished(shown),
    remadeNote(shown),
    objections(shown.disputes.filter((dispute) => dispute.is_open)),
    feedbackBody(feedback, { turnWords, onQuote, afterSentence, opensFailed: true }),
    lineage(shown),
  );
}

/** What the visitor says is wrong, all of it before the debrief; a click leads to the sentence. */
function objections(open) {
  if (!open.length) return null;
  return h(
    "section",
    { class: "desk-disputes" },
    h("h3", {}, words("disputes")),
    h("ul", {}, open.map((dispute) => h("li", {}, sentenceLink(dispute), h("p", { class: "disputed-words" }, dispute.comment || words("dispute_no_comment"))))),
  );
}

function sentenceLink({ path, sentence }) {
  const go = () => document.querySelector(`#desk-card [data-path="${CSS.escape(path)}"]`)?.scrollIntoView({ block: "center" });
  return h("button", { class: "quote", type: "button", "data-key": `to-${path}`, onclick: go }, h("span", { class: "quote-words" }, sentence ?? path));
}

/** Under a sentence of the debrief: what the visitor said of it. */
function afterSentence(path) {
  const dispute = desk.facts.case.disputes.find((one) => one.path === path);
  if (!dispute) return null;
  return h(
    "div",
    { class: dispute.is_open ? "disputed" : "disputed closed" },
    h("p", {}, words(dispute.is_open ? "disputes" : "dispute_closed")),
    dispute.comment ? h("p", { class: "disputed-words" }, dispute.comment) : null,
  );
}

function lineage(shown) {
  const known = Object.entries(shown.lineage);
  if (!known.length) return null;
  return h(
    "details",
    { class: "desk-details", "data-key": "lineage", open: shown.repeats.length > 0 },
    h("summary", {}, words("lineage")),
    h("dl", {}, known.map(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, value)])),
    h("button", { class: "button small", type: "button", "data-key": "repeat", disabled: shown.is_repeating, onclick: makeAgain }, words("repeat")),
    shown.repeats.map((outcome) => h("p", { class: "quiet", role: "status" }, outcome)),
  );
}

/** Have the version made once more from its record. What came of it is there the next time that the case is read. */
async function makeAgain(event) {
  event.currentTarget.disabled = true;
  await fetch(`/api/v1/review/${desk.facts.case.id}/again`, { method: "POST" }).catch(() => null);
  lookAgain();
}

function turnWords(messageId) {
  const turn = turnOf(messageId);
  return turn ? words("turn", { turn }) : "";
}

const onQuote = (evidence) => showInTalk(evidence.message_id, evidence.quote);
