// The review desk. What its slots show comes as `facts` from Python (webapp/pages/review/handlers.py) after every event;
// nothing here decides anything. The list is desk_list.js, the open case desk_case.js. The words come from people and
// models: always text nodes, never HTML.

import "./desk_case.js";
import "./desk_claim.js";
import { leaveEditor } from "./desk_edit.js";
import { focusCase, onKey, openHelp } from "./desk_keys.js";
import { arrived, drawList, keepAddress, refreshList } from "./desk_list.js";
import { desk, drawAll, ended, fill, lookAgain, many, mount, places, words } from "./desk_shared.js";
import { forgetSkipped, queryForNext, readView } from "./desk_view.js";
import { h, icon } from "./dom.js";
import { copyAsSaid } from "./inert.js";
import { nameSpeakers } from "./speakers.js";
import { secondLinks } from "./desk_second.js";
import { signInAgain } from "./desk_sheet.js";
import { edit, escalate, history, open_reopen, regenerate, versions } from "./desk_tools.js";
import { announce, tellMoved } from "./desk_tabs.js";
import { markQuotedByDebrief } from "./desk_quoted.js";
import { paintTalk, takeTalk } from "./desk_talk.js";
import { ownDraft } from "./desk_draft.js";
import { noteDraft } from "./drafts.js";
import { clearMarks } from "./marks.js";

const NOTICE_MS = 6000;
const KEEP_UP_MS = 20000;

let noticeTimer = 0;
let rejected = null; // the one whose rejection was sent and not yet answered

fill("desk-bar", bar);
fill("desk-notice", notice);

const may = (action, act) => () => (desk.facts?.case?.can?.includes(action) ? void act() : false);
onKey("e", "edit", may("edit", edit));
onKey("g", "regenerate", may("regenerate", regenerate));
onKey("p", "escalate", may("escalate", escalate));
onKey("o", "reopen", may("reopen", open_reopen));
onKey("v", "versions", versions);
onKey("h", "history", history);

// ---- what Gradio's events call (webapp/pages/review/events.py)

window.desk = {
  readAddress() {
    return [queryForNext(), new URLSearchParams(location.search).get("f") ?? "", 0];
  },
  view: queryForNext,
  paint: paintTalk,
  show(next, talk) {
    const isAnother = desk.facts?.case?.id !== next.case?.id;
    const isFirst = !desk.facts;
    const wasReading = desk.facts?.case && !document.querySelector("#desk-list")?.contains(document.activeElement);
    const before = desk.facts?.case;
    desk.facts = next;
    takeTalk(talk);
    if (isAnother) desk.openedAt = Date.now();
    if (next.is_through) forgetSkipped();
    if (next.gone) ownDraft.forget(next.gone);
    if (before && rejected === before.id && next.notice?.kind !== "bad") noteDraft.forget("reject", before.id);
    rejected = null;
    if (before && before.row_version !== next.case?.row_version) tellMoved(before.id);
    if (before?.is_mine && !isAnother && !next.notice && !desk.said) next.notice = lostWords(next);
    if (desk.said && next.notice?.kind !== "bad") next.notice = desk.said;
    desk.said = null;
    ended();
    arrived();
    if (isAnother || !["claimed", "auto_released", "escalated"].includes(next.case?.state)) this.close_reject();
    if (isAnother) clearMarks();
    if (isAnother) leaveEditor();
    announce();
    document.body.classList.toggle("has-case", Boolean(next.case));
    document.body.dataset.state = next.case?.state ?? "";
    keepAddress({ isFirst });
    writeTitle();
    drawAll();
    drawList();
    refreshList();
    letNoticeGo();
    if (isAnother) document.querySelector("#desk-card")?.scrollTo({ top: 0 });
    if (isAnother && next.case) document.querySelector("#desk-case-head")?.scrollIntoView({ block: "nearest" }); // on a phone all is one column
    if (isAnother && wasReading) focusCase();
  },
  open_reject() {
    document.body.classList.add("rejecting");
    restoreNote();
    const first = document.querySelector("#desk-reason input");
    first?.focus({ preventScroll: true });
    document.querySelector("#desk-reject-panel")?.scrollIntoView({ block: "nearest" });
  },
  open_reopen,
  edit,
  regenerate,
  escalate,
  close_reject() {
    document.body.classList.remove("rejecting");
  },
};

const noteBox = () => document.querySelector("#desk-note textarea");

/** Gradio's field forgets with the page; what was typed for this one and not sent is put into it again. */
function restoreNote() {
  const box = noteBox();
  const kept = noteDraft.read("reject", desk.facts.case.id);
  if (!box || box.value || !kept) return;
  box.value = kept;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("input", ({ target }) => target === noteBox() && desk.facts?.case && noteDraft.keep("reject", desk.facts.case.id, target.value));
document.addEventListener("click", ({ target }) => target.closest?.("#desk-confirm-reject") && (rejected = desk.facts?.case?.id ?? null), true);

/** What one had in hand is it no more, and nothing that was done in this tab made it so. */
function lostWords({ me, case: now }) {
  if (now.is_mine || ["regenerating", "escalated", "withdrawn"].includes(now.state)) return null;
  if (now.reviewed_by === me.name) return { kind: "good", text: words("decided_by_you") };
  return { kind: "bad", text: now.reviewed_by ? words("decided_by_other", { name: now.reviewed_by }) : words("claim_lost") };
}

/** Good news leaves by itself; what was refused stays until the next thing is done. */
function letNoticeGo() {
  clearTimeout(noticeTimer);
  if (desk.facts.notice?.kind === "good") noticeTimer = setTimeout(() => places.get("desk-notice")?.root.replaceChildren(), NOTICE_MS);
}

function writeTitle() {
  const waiting = desk.facts.waiting ? `(${many(desk.facts.waiting)}) ` : "";
  document.title = `${waiting}${words("title")} · Debrief`;
}

// ---- slots

function bar() {
  const { me, waiting } = desk.facts;
  return h(
    "header",
    { class: "desk-bar" },
    h("h1", {}, words("title")),
    h("span", { class: waiting ? "pill" : "pill calm" }, words("waiting", { n: many(waiting) })),
    h("button", { class: "desk-link", type: "button", "data-key": "refresh", onclick: () => lookAgain() }, words("refresh")),
    h("button", { class: "desk-link desk-keys-hint", type: "button", "data-key": "keys", title: words("keys"), onclick: openHelp }, words("keys"), " ", h("kbd", {}, "?")),
    h("span", { class: "desk-bar-space" }),
    h(
      "nav",
      { class: "desk-links", "aria-label": words("elsewhere") },
      me.has_second ? secondLinks() : null,
      h("a", { class: "desk-link", href: "/admin/plots/" }, words("plots")),
      me.is_admin ? [h("a", { class: "desk-link", href: "/admin/manage/" }, words("manage")), h("a", { class: "desk-link", href: "/admin/system/" }, words("system"))] : null,
      h("a", { class: "desk-link", href: "/" }, words("practice")),
    ),
    myself(me.name),
    h("form", { method: "post", action: "/admin/logout" }, h("button", { class: "desk-link", type: "submit", "data-key": "sign-out" }, words("sign_out"))),
  );
}

function myself(name) {
  const said = `${words("signed_in_as", { name })}. ${words("change_password")}`;
  return h("a", { class: "desk-link desk-me", href: "/admin/password", title: said, "aria-label": said }, icon("person"), h("span", { class: "desk-me-name" }, name));
}

function notice() {
  places.get("desk-notice").root.setAttribute("aria-live", "polite"); // there before the words, or they are not read out
  if (!desk.facts.notice) return null;
  const isBad = desk.facts.notice.kind === "bad";
  return h("p", { class: isBad ? "problem" : "desk-good", role: isBad ? "alert" : null }, desk.facts.notice.text);
}

// ---- keeping up: what waits changes without us; a sign-in may end

async function keepUp() {
  if (document.hidden || !desk.facts || desk.isBusy) return;
  const response = await fetch("/api/v1/review/waiting", { headers: { accept: "application/json" } }).catch(() => null);
  if (response?.status === 401) return toSignIn();
  if (!response?.ok) return;
  const { waiting } = await response.json();
  if (waiting !== desk.facts.waiting || desk.facts.case?.is_repeating || desk.facts.case?.state === "regenerating") lookAgain();
}

/** Not away from under somebody's hands: who is typing is told, and signs in beside it. */
function toSignIn() {
  if (document.body.matches(".editing, .rejecting, :has(dialog[open])")) {
    places.get("desk-notice")?.root.replaceChildren(h("p", { class: "problem", role: "alert" }, signInAgain()));
    return;
  }
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

/** Gradio paints the talk when it likes, gives it an English name, no marks, and no way to scroll it by keyboard. */
function keepTalkFurnished() {
  const look = () => {
    nameSpeakers(words("speaker_visitor"), words("speaker_partner"));
    if (desk.facts) markQuotedByDebrief();
    const talk = document.querySelector("#transcript .bubble-wrap:not([tabindex])");
    talk?.setAttribute("tabindex", "0");
    talk?.setAttribute("aria-label", words("talk"));
  };
  let isDue = false;
  const lookSoon = () => {
    if (isDue) return; // Gradio draws a long talk in many steps: one look for all of a frame
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      look();
    });
  };
  new MutationObserver(lookSoon).observe(document.body, { childList: true, subtree: true });
}

watchForSignOut();
readView();
keepTalkFurnished();
copyAsSaid();
setInterval(keepUp, KEEP_UP_MS);
document.addEventListener("visibilitychange", keepUp);
const waitingSlots = window.debriefSlots ?? [];
window.debriefSlots = { push: mount };
waitingSlots.forEach(mount);
if (window.deskGiven) window.desk.show(...window.deskGiven);
