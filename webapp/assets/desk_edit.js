// Writing a debrief over, field by field: the form stands where the debrief stood. The checks run as one types, by a
// route that stores nothing; what is typed stays in this browser until it is saved or thrown away.

import { CallFailed } from "./api.js";
import { apply, differs, editOf } from "./desk_edit_data.js";
import { evidenceChooser, field, itemFields, levelChooser, newItem } from "./desk_edit_fields.js";
import { forgetRefusal, tellBeside, tooLongWords } from "./desk_edit_refused.js";
import { focusCase } from "./desk_keys.js";
import { ask, submitsWithCtrl, toldOf } from "./desk_sheet.js";
import { desk, draw, goOn, lookAgain, places, words } from "./desk_shared.js";
import { announce, isEditedElsewhere } from "./desk_tabs.js";
import { secondsOpen } from "./desk_view.js";
import { ownDraft } from "./desk_draft.js";
import { h } from "./dom.js";
import { whyNoCriteria } from "./feedback_card.js";
import { checkName } from "./provenance.js";
import { LOCALE, t } from "./words.js";

const CHECK_AFTER_MS = 400;
const CLOCK = new Intl.DateTimeFormat(LOCALE, { hour: "numeric", minute: "2-digit" });
let open = null; // {id, draft, edit, root, checks, asked, timer}

/** The form, where the open case is being written over; else null. */
export const editor = () => (open && open.id === desk.facts?.case?.id ? open.root : null);

/** What somebody typed into this one and did not save, as a line over the debrief; null where there is nothing. */
export function unfinished({ id, can }) {
  const kept = ownDraft.read(id);
  if (!kept || !differs(kept.edit, kept.base)) return null;
  const forget = () => {
    ownDraft.forget(id);
    draw("desk-card");
  };
  return h(
    "div",
    { class: "note", role: "status" },
    h("p", {}, words("edit_unfinished"), can.includes("edit") ? null : [" ", words("edit_unfinished_later")]),
    can.includes("edit") ? h("button", { class: "button small primary", type: "button", "data-key": "edit-go-on", onclick: startEditing }, words("edit_go_on")) : null,
    h("button", { class: "button small", type: "button", "data-key": "edit-forget", onclick: forget }, words("edit_throw_away")),
  );
}

/** Take the draft of the open case and show the form; what was typed before and not saved is there again. */
export async function startEditing() {
  const { id } = desk.facts.case;
  if (editor()) return open.root.querySelector("textarea")?.focus();
  const draft = await ask("GET", `${id}/draft`);
  if (desk.facts.case?.id !== id) return;
  const kept = ownDraft.read(id);
  open = { id, draft, edit: structuredClone(draft.edit), checks: draft.checks, asked: 0, timer: 0 };
  let told = isEditedElsewhere(id) ? h("p", { class: "note" }, words("edit_elsewhere")) : null;
  if (kept && kept.version_n === draft.version_n && differs(kept.edit, draft.edit)) {
    open.edit = kept.edit;
    told = told ?? keptNotice();
  } else if (kept && differs(kept.edit, kept.base)) {
    told = fasterNotice(kept);
  }
  build(told);
  document.body.classList.add("editing");
  announce();
  draw("desk-card");
  checkSoon(0);
  open.root.querySelector("textarea")?.focus({ preventScroll: true });
}

/** Without saving; what was typed stays kept. */
export function leaveEditor() {
  if (!open) return;
  clearTimeout(open.timer);
  open = null;
  document.body.classList.remove("editing");
  announce();
}

/** Ctrl+Enter saves from anywhere in the form; Esc asks what is to become of it. */
function onKey(event) {
  if (event.key === "Escape" && !event.isComposing) {
    event.preventDefault();
    cancel();
  } else submitsWithCtrl(event);
}

function stopEditing() {
  leaveEditor();
  draw("desk-card");
  focusCase();
}

function cancel() {
  if (differs(open.edit, open.draft.edit)) keepOrThrow();
  else throwAway();
}

function throwAway() {
  ownDraft.forget(open.id);
  stopEditing();
}

// ---- the form

function build(told) {
  const { draft, edit } = open;
  const form = { draft, edit, changed, names: new Map(draft.criteria.map((one) => [one.key, one.name])) };
  open.root = h(
    "form",
    { class: "desk-editor", novalidate: true, onsubmit: save, onkeydown: onKey, "aria-label": words("edit") },
    h("div", { class: "desk-editor-head" }, h("h3", {}, words("edit_title", { n: draft.version_n }))),
    h("div", { class: "desk-editor-told", "aria-live": "polite" }, told),
    field(form, { path: "summary", label: words("edit_summary"), holder: edit, name: "summary", rows: 3 }),
    edit.criteria.length ? edit.criteria.map((one, at) => criterion(form, one, draft.criteria[at])) : h("p", { class: "note no-criteria" }, whyNoCriteria(draft)),
    list(form, "strengths"),
    list(form, "improvements"),
    field(form, { path: "next_step", label: words("edit_next_step"), holder: edit, name: "next_step", rows: 2 }),
    h(
      "div",
      { class: "desk-editor-foot" },
      h("p", { class: "desk-editor-sum", role: "status" }),
      h("button", { class: "button", type: "button", onclick: cancel }, words("cancel")),
      h("button", { class: "button primary", type: "submit" }, words("edit_save")),
    ),
  );
  showChecks();
}

function criterion(form, one, about) {
  const place = `criteria.${one.key}`;
  return h(
    "fieldset",
    { class: "desk-editor-part", "data-where": place },
    h("legend", {}, about.name),
    levelChooser(form, one, about),
    field(form, { path: `${place}.reason`, label: words("edit_reason"), holder: one, name: "reason", rows: 3 }),
    evidenceChooser(form, place, one),
    one.tip !== null || form.draft.way === "rubric" ? field(form, { path: `${place}.tip`, label: words("edit_tip"), holder: one, name: "tip", rows: 2 }) : null,
  );
}

/** Strengths or improvements; adding or deleting one draws the list anew. */
function list(form, part) {
  const root = h("div", { class: "desk-editor-list" });
  const again = () => {
    const items = form.edit[part];
    const remove = (at) => {
      items.splice(at, 1);
      again();
      changed();
      root.querySelector("textarea, .desk-add")?.focus();
    };
    const add = () => {
      items.push(newItem(form, part));
      again();
      changed();
      root.querySelector("fieldset:last-of-type textarea").focus();
    };
    const most = part === "improvements" && !form.edit.criteria.length ? 0 : form.draft.max_items[part]; // each is about a criterion
    const isFull = items.length >= most;
    root.replaceChildren(
      ...items.map((item, at) => itemFields(form, part, item, at, () => remove(at))),
      !most ? "" : isFull ? h("p", { class: "quiet" }, words(`edit_full_${part}`, { n: items.length })) : h("button", { class: "button small desk-add", type: "button", "data-key": `add-${part}`, onclick: add }, words(`edit_add_${part}`)),
    );
    showChecks();
  };
  again();
  return root;
}

// ---- as one types

function changed() {
  ownDraft.keep(open.id, { version_n: open.draft.version_n, base: open.draft.edit, edit: open.edit });
  checkSoon(CHECK_AFTER_MS);
}

function checkSoon(after) {
  clearTimeout(open.timer);
  open.timer = setTimeout(check, after);
}

async function check() {
  const mine = open;
  const number = ++mine.asked;
  try {
    const { checks } = await ask("POST", `${mine.id}/check`, mine.edit);
    if (open !== mine || number !== mine.asked) return;
    mine.checks = checks;
    showChecks();
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
  }
}

/** Beside each field what the checks say of it; at the foot how many passed. */
function showChecks() {
  if (!open?.root) return;
  const failed = new Map();
  for (const check of open.checks.filter((one) => !one.passed)) failed.set(check.where, [...(failed.get(check.where) ?? []), check]);
  const looked = new Set(open.checks.map((one) => one.where));
  for (const badge of open.root.querySelectorAll("[data-badge]")) {
    const bad = failed.get(badge.dataset.badge) ?? [];
    badge.className = bad.length ? "edit-badge warn" : looked.has(badge.dataset.badge) ? "edit-badge ok" : "edit-badge";
    const tooLong = tooLongWords(badge);
    if (tooLong) badge.className = "edit-badge warn";
    badge.textContent = tooLong ?? (bad.length ? `${words("check_failed")}: ${bad.map((one) => checkName(one.name)).join(" · ")}` : looked.has(badge.dataset.badge) ? words("edit_checked") : "");
  }
  const passed = open.checks.filter((one) => one.passed).length;
  const sum = open.root.querySelector(".desk-editor-sum");
  sum.textContent = words("item_checks", { passed, of: open.checks.length });
  sum.className = passed === open.checks.length ? "desk-editor-sum desk-checks ok" : "desk-editor-sum desk-checks warn";
}

// ---- saving, and who was faster

async function save(event) {
  event.preventDefault();
  const mine = open;
  const button = mine.root.querySelector("button[type=submit]");
  button.disabled = true;
  forgetRefusal(mine.root);
  try {
    await send(mine);
    ownDraft.forget(mine.id);
    const before = desk.facts.case;
    leaveEditor();
    goOn(before, { kind: "good", text: words("edited") });
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    button.disabled = false;
    if (error.code === "conflict" || error.code === "illegal_move") return wasSlower(mine, error.message);
    const said = h("p", { class: "problem", role: "alert" }, toldOf(error));
    if (!tellBeside(mine.root, error.where, said)) tell(said);
  }
}

/** A renewed claim of one's own is nobody who was faster: then it is sent again on how the case stands now. */
async function send(mine) {
  const edit = { edit: mine.edit, seconds: secondsOpen() };
  try {
    return await ask("POST", `${mine.id}/edit`, { row_version: mine.draft.row_version, ...edit });
  } catch (error) {
    if (!(error instanceof CallFailed) || error.code !== "conflict") throw error;
    const now = await ask("GET", mine.id);
    const isMine = now.state === "claimed" && now.claimed_by === desk.facts.me.name;
    if (!isMine || now.version_n !== mine.draft.version_n || now.disputes.length !== desk.facts.case.disputes.length) throw error;
    return ask("POST", `${mine.id}/edit`, { row_version: now.row_version, ...edit });
  }
}

/** Somebody was faster: what they made of it is shown, and what was typed here is offered to be put on top. */
async function wasSlower(mine, message) {
  const kept = { version_n: mine.draft.version_n, base: mine.draft.edit, edit: mine.edit };
  ownDraft.keep(mine.id, kept);
  const [draft, now] = await Promise.all([ask("GET", `${mine.id}/draft`), ask("GET", mine.id)]);
  if (open !== mine) return;
  const isSame = draft.version_n === mine.draft.version_n;
  open = { ...mine, draft, edit: isSame ? mine.edit : structuredClone(draft.edit), checks: draft.checks };
  build(h("div", {}, h("p", { class: "problem", role: "alert" }, whoWasFaster(now) ?? message), isSame ? null : fasterNotice(kept)));
  draw("desk-card");
  places.get("desk-card").root.scrollTo?.({ top: 0 });
  open.root.scrollIntoView({ block: "start" });
  checkSoon(0);
  lookAgain(); // the head tells how it stands now
}

function whoWasFaster({ reviewed_by: name, claimed_by: reader, claimed_until: until }) {
  if (name) return name === desk.facts.me.name ? words("decided_by_you") : words("decided_by_other", { name });
  return reader && reader !== desk.facts.me.name ? words("claimed_by_other", { name: reader, until: CLOCK.format(new Date(until)) }) : null;
}

function tell(content) {
  open.root.querySelector(".desk-editor-told").replaceChildren(content);
  open.root.querySelector(".desk-editor-told").scrollIntoView({ block: "nearest" });
}

function keptNotice() {
  return h(
    "div",
    { class: "note" },
    h("p", {}, words("edit_kept")),
    h("button", { class: "button small", type: "button", onclick: startAfresh }, words("edit_afresh")),
  );
}

function fasterNotice(kept) {
  const again = () => {
    open.edit = apply(kept, open.draft.edit);
    rebuild(h("p", { class: "note", role: "status" }, words("edit_applied")));
    changed();
  };
  return h(
    "div",
    { class: "note", role: "alert" },
    h("p", {}, words("edit_faster")),
    h("ul", { class: "desk-editor-mine" }, editOf(kept).map(({ path, text }) => h("li", {}, h("b", {}, pathWords(path)), " ", text === "not_observed" ? t(text) : text))),
    h("button", { class: "button small primary", type: "button", onclick: again }, words("edit_apply_mine")),
    h("button", { class: "button small", type: "button", onclick: startAfresh }, words("edit_discard_mine")),
  );
}

function pathWords(path) {
  const [part, key] = path.split(".");
  const names = { summary: "edit_summary", next_step: "edit_next_step", strengths: "edit_strengths", improvements: "edit_improvements" };
  return part === "criteria" ? (open?.draft.criteria.find((one) => one.key === key)?.name ?? key) : words(names[part]);
}

function startAfresh() {
  ownDraft.forget(open.id);
  open.edit = structuredClone(open.draft.edit);
  rebuild(null);
  checkSoon(0);
}

function rebuild(told) {
  build(told);
  draw("desk-card");
}

function keepOrThrow() {
  tell(
    h(
      "div",
      { class: "note", role: "alert" },
      h("p", {}, words("edit_leave")),
      h("button", { class: "button small", type: "button", onclick: stopEditing }, words("edit_keep_for_later")),
      h("button", { class: "button small", type: "button", onclick: throwAway }, words("edit_throw_away")),
    ),
  );
  open.root.querySelector(".desk-editor-told button").focus();
}
