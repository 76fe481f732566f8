// The sidebar: a new conversation, the search, and the past conversations by day.

import { accountLink } from "./account.js";
import { openConversation, showStart } from "./actions.js";
import { listBody, watchScrolling } from "./day_list.js";
import { h, icon, show } from "./dom.js";
import { showMine } from "./mine.js";
import { sheetLink } from "./shortcuts.js";
import { showProgress } from "./progress.js";
import { renderResults, searchBox } from "./search.js";
import { change, scenarioOf, state } from "./state.js";
import { chooseFiles, exportAllLink, exportLink } from "./talk_files.js";
import { deletionWords, remove, removeAll, rename, startRenaming, undo } from "./talk_list.js";
import { clock, shortDay, t } from "./words.js";

let parts = null; // the search box stays where it is while all around it is drawn anew

export function renderConversations(root) {
  if (parts?.root !== root) {
    parts = { root, head: h("div", { class: "sidebar-head" }), body: h("div", { class: "sidebar-body" }), foot: h("div", { class: "sidebar-foot" }) };
    root.replaceChildren(parts.head, searchBox(), parts.body, parts.foot);
    root.addEventListener("keydown", moveByArrows);
    watchScrolling(parts.body);
  }
  show(parts.head, brand(), newButton(), progressButton());
  if (state.search) renderResults(parts.body);
  else show(parts.body, h("nav", { class: "list", "aria-label": t("past_conversations") }, title(), managing(), items()));
  show(parts.foot, dataLink(), accountLink(), sheetLink(), state.me?.account ? h("a", { class: "quiet-link", href: "admin/" }, t("review_desk")) : null);
}

const brand = () => h("div", { class: "brand" }, h("span", { class: "brand-mark", "aria-hidden": "true" }), h("b", {}, "Debrief"));

function newButton() {
  return h("button", { class: "button primary wide", type: "button", "data-key": "new", onclick: () => showStart({ push: true }) }, icon("plus"), t("new_conversation"));
}

function progressButton() {
  const isHere = state.view === "progress";
  return h(
    "button",
    { class: "button wide", type: "button", "data-key": "progress", "aria-current": isHere ? "page" : null, onclick: () => showProgress({ push: true }) },
    icon("chart"),
    t("your_progress"),
  );
}

function dataLink() {
  const isHere = state.view === "mine";
  return h("button", { class: "quiet-link", type: "button", "data-key": "my-data", "aria-current": isHere ? "page" : null, onclick: () => showMine({ push: true }) }, t("your_data"));
}

// ---- the list as a whole ----------------------------------------------------------------------------------------

function title() {
  return h(
    "div",
    { class: "list-head" },
    h("h2", { class: "list-title" }, t("past_conversations")),
    state.deletions.length && !state.isManaging ? h("button", { class: "link small", type: "button", "data-key": "deleted-lately", onclick: () => change({ isManaging: true }) }, t("deleted_lately", { count: state.deletions.length })) : null,
    h(
      "button",
      { class: "icon-button", type: "button", title: t("manage"), "aria-label": t("manage"), "aria-expanded": String(state.isManaging), "data-key": "manage", onclick: () => change({ isManaging: !state.isManaging, isAskingAll: false }) },
      icon("more"),
    ),
  );
}

function managing() {
  const bringing = state.isBringing ? h("p", { class: "quiet", role: "status" }, t("bringing", { count: state.isBringing.done })) : null;
  if (!state.isManaging) return bringing;
  const total = state.listTotal;
  return h(
    "div",
    { class: "menu", onkeydown: closing(() => change({ isManaging: false, isAskingAll: false }), "manage") },
    menuButton("bring", "bring_back", "bring", chooseFiles),
    total ? menuLink("save", t("save_all"), "save-all", exportAllLink()) : null,
    total && !state.isAskingAll ? menuButton("trash", "delete_talks", "delete-all", () => change({ isAskingAll: true })) : null,
    state.isAskingAll ? allQuestion(total) : null,
    state.deletions.length ? h("ul", { class: "deletions", "aria-label": t("deleted_lately", { count: state.deletions.length }) }, state.deletions.map(deletionLine)) : null,
    bringing,
  );
}

function allQuestion(count) {
  const close = () => change({ isAskingAll: false });
  return h(
    "div",
    { class: "entry-form", role: "alertdialog", "aria-label": t("delete_talks") },
    h("p", {}, t("delete_talks_question", { count })),
    h(
      "div",
      { class: "row" },
      h("button", { class: "button small danger", type: "button", "data-key": "delete-yes", onclick: removeAll }, t("delete_talks_yes", { count })),
      h("button", { class: "button small", type: "button", "data-key": "delete-no", onclick: close }, t("cancel")),
    ),
  );
}

function deletionLine(deletion) {
  return h(
    "li",
    {},
    h("span", {}, deletionWords(deletion), h("small", {}, t("until", { when: clock(deletion.until) }))),
    h("button", { class: "button small", type: "button", "data-key": `undo-${deletion.id}`, onclick: () => undo(deletion) }, icon("undo"), t("undo")),
  );
}

function items() {
  if (state.listError) return h("p", { class: "quiet" }, state.listError);
  if (state.list === null) return h("p", { class: "quiet" }, t("loading"));
  if (state.list.length === 0) return h("p", { class: "quiet" }, t("no_conversations"));
  return listBody(item);
}

// ---- one talk of it ---------------------------------------------------------------------------------------------

function item(entry, isRecent) {
  const isOpen = entry.id === state.conversation?.id && state.view === "talk";
  if (state.renaming === entry.id) return h("li", {}, renameForm(entry));
  const hasMenu = state.openMenu === entry.id;
  return h(
    "li",
    { class: `entry${isOpen ? " open" : ""}${hasMenu ? " with-menu" : ""}` },
    h(
      "button",
      {
        class: "entry-open",
        type: "button",
        "data-key": `open-${entry.id}`,
        "aria-current": isOpen ? "page" : null,
        onclick: () => openConversation(entry.id, { push: true }),
        onkeydown: (event) => byKey(event, entry),
      },
      h("span", { class: "entry-title" }, entry.title),
      h("span", { class: "entry-meta" }, h("span", { class: "entry-when" }, isRecent ? clock(entry.updated_at) : shortDay(entry.updated_at)), scenario(entry), origin(entry), badge(entry.feedback)),
    ),
    h(
      "button",
      {
        class: "icon-button entry-more",
        type: "button",
        title: t("more_of", entry),
        "aria-label": t("more_of", entry),
        "aria-expanded": String(hasMenu),
        "data-key": `more-${entry.id}`,
        onclick: () => change({ openMenu: hasMenu ? null : entry.id }),
      },
      icon("more"),
    ),
    hasMenu ? menu(entry) : null,
  );
}

/** What was practised, where the title does not say it. */
function scenario(entry) {
  const words = scenarioOf(entry)?.title;
  return words && !entry.title.includes(words) ? h("span", { class: "entry-scenario" }, words) : null;
}

function origin(entry) {
  if (entry.origin === "again") return h("span", { class: "entry-again" }, icon("retry"), t("again_mark"));
  if (entry.origin === "import") return h("span", { class: "entry-again" }, icon("bring"), t("imported_mark"));
  return null;
}

function badge(feedback) {
  const words = feedback && listWords(feedback);
  return words ? h("span", { class: feedback.unread ? "entry-badge unread" : "entry-badge" }, words) : null;
}

function listWords(feedback) {
  if (["queued", "running", "retry_wait"].includes(feedback.state)) return t("list_writing");
  if (["auto_released", "approved", "edited_approved"].includes(feedback.review_state)) return t(feedback.unread ? "list_unread" : "list_ready");
  if (["pending", "claimed"].includes(feedback.review_state)) return t("list_waiting");
  return null;
}

function menu(entry) {
  return h(
    "div",
    { class: "menu", role: "group", "aria-label": t("more_of", entry), onkeydown: closing(() => change({ openMenu: null }), `more-${entry.id}`) },
    menuButton("pencil", "rename", `rename-${entry.id}`, () => startRenaming(entry.id)),
    menuLink("save", t("save_markdown"), `markdown-${entry.id}`, exportLink(entry.id, "md")),
    menuLink("save", t("save_json"), `json-${entry.id}`, exportLink(entry.id, "json")),
    menuButton("trash", "delete", `delete-${entry.id}`, () => remove(entry.id)),
  );
}

const menuButton = (name, words, key, onclick) => h("button", { class: "menu-item", type: "button", "data-key": key, onclick }, icon(name), t(words));
const menuLink = (name, words, key, href) => h("a", { class: "menu-item", href, download: true, "data-key": key }, icon(name), words);

/** Escape closes, and the way in has the focus again. */
const closing = (close, key) => (event) => {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  close();
  parts.body.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
};

function renameForm(entry) {
  const submit = (event) => {
    event.preventDefault();
    rename(entry.id, input.value.trim());
  };
  const input = h("input", { name: "title", value: typed ?? entry.title, maxlength: 200, "aria-label": t("rename"), "aria-invalid": state.renameError ? "true" : null, autocomplete: "off", "data-key": "title" });
  input.addEventListener("input", () => (typed = input.value));
  input.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && cancel());
  const isNew = typed === null;
  typed ??= entry.title;
  queueMicrotask(() => {
    input.focus();
    if (isNew) input.select();
  });
  const cancel = () => {
    typed = null;
    change({ renaming: null, renameError: null });
  };
  return h(
    "form",
    { class: "entry-form", onsubmit: submit },
    input,
    state.renameError ? h("p", { class: "problem", role: "alert" }, state.renameError) : null,
    h("div", { class: "row" }, h("button", { class: "button small primary", type: "submit" }, t("save")), h("button", { class: "button small", type: "button", onclick: cancel }, t("cancel"))),
  );
}

let typed = null; // in the field of the title, kept when the form is drawn anew

// ---- by keyboard ------------------------------------------------------------------------------------------------

function byKey(event, entry) {
  if (event.key === "F2") startRenaming(entry.id);
  else if (event.key === "Delete") remove(entry.id);
  else return;
  event.preventDefault();
}

/** Up and down through the talks, from the search box too; Home and End. */
function moveByArrows(event) {
  const isInList = event.target.matches(".entry-open");
  if (event.isComposing || !(isInList || event.target.id === "search")) return;
  const all = [...parts.body.querySelectorAll(".entry-open")];
  const at = all.indexOf(event.target);
  const places = { ArrowDown: at + 1, ArrowUp: at - 1, ...(isInList ? { Home: 0, End: all.length - 1 } : {}) };
  if (!(event.key in places) || all.length === 0) return;
  event.preventDefault();
  if (places[event.key] < 0) return isInList ? document.getElementById("search").focus() : undefined;
  all[Math.min(places[event.key], all.length - 1)].focus();
}
