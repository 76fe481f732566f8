// The review desk's slots. What they show comes as `facts` from Python (webapp/pages/review/handlers.py) after every
// event; nothing here decides anything. The words come from people and models: always text nodes, never HTML.

import { h, icon, show } from "./dom.js";
import { feedbackBody } from "./feedback_card.js";
import { copyAsSaid } from "./inert.js";
import { clearMarks, markRow, rows } from "./marks.js";
import { LANGUAGE, t, when } from "./words.js";

const NOTICE_MS = 6000;
const LOOK_AGAIN_MS = 20000;
const FILTERS = ["waiting", "released", "approved", "rejected", "all"];
const CLOCK = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });

const places = new Map(); // slot name -> {root, trigger}
let facts = null;
let noticeTimer = 0;

const SLOTS = {
  "desk-bar": bar,
  "desk-list": list,
  "desk-case-head": caseHead,
  "desk-notice": notice,
  "desk-card": card,
};

const words = (key, values) => t(`desk.${key}`, values);

// ---- what Gradio's events call (webapp/pages/review/events.py)

window.desk = {
  readAddress() {
    const address = new URLSearchParams(location.search);
    const filter = address.get("show");
    return [FILTERS.includes(filter) ? filter : "waiting", 30, address.get("f") ?? "", 0];
  },
  show(next) {
    const isAnother = facts?.case?.id !== next.case?.id;
    facts = next;
    if (isAnother || !["claimed", "auto_released"].includes(next.case?.state)) this.close_reject();
    if (isAnother) clearMarks();
    document.body.classList.toggle("has-case", Boolean(next.case));
    document.body.dataset.state = next.case?.state ?? "";
    writeAddress();
    for (const name of places.keys()) draw(name);
    letNoticeGo();
    if (isAnother) document.querySelector("#desk-card")?.scrollTo({ top: 0 });
  },
  open_reject() {
    document.body.classList.add("rejecting");
    const first = document.querySelector("#desk-reason input");
    first?.focus({ preventScroll: true });
    document.querySelector("#desk-reject-panel")?.scrollIntoView({ block: "nearest" });
  },
  close_reject() {
    document.body.classList.remove("rejecting");
  },
};

/** Good news leaves by itself; what was refused stays until the next thing is done. */
function letNoticeGo() {
  clearTimeout(noticeTimer);
  if (facts.notice?.kind === "good") noticeTimer = setTimeout(() => places.get("desk-notice")?.root.replaceChildren(), NOTICE_MS);
}

function writeAddress() {
  const address = new URLSearchParams();
  if (facts.filter !== "waiting") address.set("show", facts.filter);
  if (facts.case) address.set("f", facts.case.id);
  const query = address.toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  const waiting = facts.waiting ? `(${facts.waiting}) ` : "";
  document.title = `${waiting}${words("title")} · Debrief`;
}

// ---- slots

function mount({ name, element, trigger }) {
  if (!(name in SLOTS)) return;
  places.set(name, { root: element.querySelector(".slot") ?? element, trigger });
  if (facts) draw(name);
}

function draw(name) {
  show(places.get(name).root, SLOTS[name]());
}

function bar() {
  const { me, waiting } = facts;
  return h(
    "header",
    { class: "desk-bar" },
    h("h1", {}, words("title")),
    h("span", { class: waiting ? "pill" : "pill calm" }, words("waiting", { n: waiting })),
    h("span", { class: "desk-bar-space" }),
    h("span", { class: "quiet desk-me" }, words("signed_in_as", { name: me.name })),
    me.is_admin ? h("a", { class: "desk-link", href: "/admin/system/" }, words("system")) : null,
    h("a", { class: "desk-link", href: "/" }, words("practice")),
    h("form", { method: "post", action: "/admin/logout" }, h("button", { class: "desk-link", type: "submit", "data-key": "sign-out" }, words("sign_out"))),
  );
}

function list() {
  const { items, filter } = facts;
  if (!items.length) return h("p", { class: "desk-empty" }, words(filter === "waiting" ? "empty_waiting" : "empty_filter"));
  return h("ul", { class: "desk-items" }, items.map(line));
}

function line(item) {
  const isOpen = item.id === facts.case?.id;
  const who = item.claimed_by && !item.is_mine ? item.claimed_by : item.state === "approved" || item.state === "rejected" ? item.reviewed_by : null;
  return h(
    "li",
    {},
    h(
      "button",
      { class: isOpen ? "desk-item open" : "desk-item", type: "button", "data-key": item.id, "aria-current": isOpen ? "true" : null, onclick: () => open(item.id) },
      h("span", { class: "desk-item-top" }, h("span", { class: "desk-item-title" }, item.title), stateBadge(item.is_mine ? "mine" : item.state)),
      h("span", { class: "desk-item-meta" }, `${when(item.created_at)} · ${words("item_messages", { n: item.messages })}`, who ? ` · ${who}` : null),
      checksLine(item),
      item.disputes ? h("span", { class: "desk-checks warn" }, icon("flag"), words("item_disputed", { n: item.disputes })) : null,
    ),
  );
}

function checksLine({ checks, checks_passed: passed, partial }) {
  if (!checks) return h("span", { class: "desk-item-meta" }, words("item_no_checks"));
  const isWhole = passed === checks;
  return h(
    "span",
    { class: isWhole && !partial ? "desk-checks ok" : "desk-checks warn" },
    words("item_checks", { passed, of: checks }),
    partial ? ` · ${words("item_partial")}` : null,
  );
}

function stateBadge(state) {
  const kind = { approved: "good", edited_approved: "good", auto_released: "good", rejected: "bad", withdrawn: "bad" }[state] ?? "";
  return h("span", { class: `state ${kind}` }, words(`state_${state}`));
}

function open(id) {
  places.get("desk-list").trigger("select", { id });
}

function caseHead() {
  const shown = facts.case;
  if (!shown) return h("div", { class: "desk-choose" }, h("p", { class: "quiet" }, words(facts.has_next ? "choose" : "choose_none")), facts.has_next ? nextButton() : null);
  return h(
    "div",
    { class: "desk-case-head" },
    h("button", { class: "back desk-back", type: "button", "data-key": "back", onclick: () => open("") }, icon("back"), words("back")),
    h("div", { class: "desk-case-title" }, h("h2", {}, shown.title), stateBadge(shown.is_mine ? "mine" : shown.state)),
    standing(shown),
  );
}

function nextButton() {
  return h("button", { class: "button primary", type: "button", "data-key": "next", onclick: () => document.querySelector("#desk-next").click() }, words("next"));
}

function standing(shown) {
  const name = shown.reviewed_by ?? "?";
  if (shown.state === "claimed") {
    const until = CLOCK.format(new Date(shown.claimed_until));
    return shown.is_mine
      ? [h("p", { class: "quiet" }, words("claimed_by_you", { until })), isDisputed(shown) ? h("p", { class: "note" }, words("disputed_note")) : null]
      : h("p", { class: "note" }, words("claimed_by_other", { name: shown.claimed_by, until }));
  }
  if (shown.state === "pending" && isDisputed(shown)) return h("p", { class: "note" }, words("disputed_note"));
  if (shown.state === "auto_released") return h("p", { class: "quiet" }, words("released_note"));
  if (["approved", "edited_approved"].includes(shown.state)) return h("p", { class: "quiet" }, words("decided_approved", { name }));
  if (shown.state === "withdrawn") return h("p", { class: "quiet" }, words("decided_withdrawn"));
  if (shown.state !== "rejected") return null;
  return [
    h("p", { class: "quiet" }, words("decided_rejected", { name, reason: words(`reason_${shown.reject_reason ?? "other"}`) })),
    shown.note ? h("p", { class: "remark" }, shown.note) : null,
  ];
}

const isDisputed = ({ disputes }) => disputes.some((dispute) => dispute.is_open);

function notice() {
  if (!facts.notice) return null;
  const isBad = facts.notice.kind === "bad";
  return h("p", { class: isBad ? "problem" : "desk-good", role: isBad ? "alert" : "status" }, facts.notice.text);
}

function card() {
  const shown = facts.case;
  if (!shown?.body) return null;
  const feedback = { state: shown.job_state, body: shown.body, checks: shown.checks };
  return h(
    "section",
    { class: "debrief", "aria-label": words("feedback") },
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
  const dispute = facts.case.disputes.find((one) => one.path === path);
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
  await fetch(`/api/v1/review/${facts.case.id}/again`, { method: "POST" }).catch(() => null);
  document.querySelector("#desk-refresh")?.click();
}

function turnWords(messageId) {
  const own = facts.case.messages.filter((message) => message.role === "user");
  const turn = own.findIndex((message) => message.id === messageId) + 1;
  return turn ? words("turn", { turn }) : "";
}

function onQuote(evidence) {
  const at = facts.case.messages.findIndex((message) => message.id === evidence.message_id);
  const row = rows()[at];
  if (row) markRow(row, evidence.quote);
}

// ---- keeping up: what waits changes without us; a sign-in may end

async function lookAgain() {
  if (document.hidden || !facts) return;
  const response = await fetch("/api/v1/review/waiting", { headers: { accept: "application/json" } }).catch(() => null);
  if (response?.status === 401) return toSignIn();
  if (!response?.ok) return;
  const { waiting } = await response.json();
  if (waiting !== facts.waiting || facts.case?.is_repeating) document.querySelector("#desk-refresh")?.click();
}

function toSignIn() {
  location.href = `/admin/login?next=${encodeURIComponent(location.pathname + location.search)}`;
}

/** Gradio shows a failed event as a lost connection; when it is the sign-in that ended, go and sign in. */
function watchForSignOut() {
  const plain = window.fetch;
  window.fetch = async (...asked) => {
    const response = await plain(...asked);
    if (response.status === 401 && new URL(response.url).pathname.startsWith("/admin/")) toSignIn();
    return response;
  };
}

watchForSignOut();
copyAsSaid();
setInterval(lookAgain, LOOK_AGAIN_MS);
document.addEventListener("visibilitychange", lookAgain);
const waitingSlots = window.debriefSlots ?? [];
window.debriefSlots = { push: mount };
waitingSlots.forEach(mount);
if (window.deskFacts) window.desk.show(window.deskFacts);
