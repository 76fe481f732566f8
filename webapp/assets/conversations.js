// The sidebar: a new conversation, and the past ones.

import { openConversation, remove, rename, showStart } from "./actions.js";
import { h, icon, show } from "./dom.js";
import { showMine } from "./mine.js";
import { change, state } from "./state.js";
import { showProgress } from "./progress.js";
import { t, when } from "./words.js";

export function renderConversations(root) {
  show(
    root,
    h("div", { class: "brand" }, h("span", { class: "brand-mark", "aria-hidden": "true" }), h("b", {}, "Debrief")),
    h(
      "button",
      { class: "button primary wide", type: "button", "data-key": "new", onclick: () => showStart({ push: true }) },
      icon("plus"),
      t("new_conversation"),
    ),
    h(
      "button",
      { class: "button wide", type: "button", "data-key": "progress", "aria-current": state.view === "progress" ? "page" : null, onclick: () => showProgress({ push: true }) },
      icon("chart"),
      t("your_progress"),
    ),
    h("nav", { class: "list", "aria-label": t("past_conversations") }, h("h2", { class: "list-title" }, t("past_conversations")), items()),
    h("div", { class: "sidebar-foot" }, dataLink(), state.me?.account ? h("a", { class: "quiet-link", href: "admin/" }, t("review_desk")) : null),
  );
}

function dataLink() {
  const isHere = state.view === "mine";
  return h("button", { class: "quiet-link", type: "button", "data-key": "my-data", "aria-current": isHere ? "page" : null, onclick: () => showMine({ push: true }) }, t("your_data"));
}

function items() {
  if (state.listError) return h("p", { class: "quiet" }, state.listError);
  if (state.list === null) return h("p", { class: "quiet" }, t("loading"));
  if (state.list.length === 0) return h("p", { class: "quiet" }, t("no_conversations"));
  return h("ul", {}, state.list.map(item));
}

function item(entry) {
  const isOpen = entry.id === state.conversation?.id && state.view === "talk";
  if (state.renaming === entry.id) return h("li", {}, renameForm(entry));
  if (state.deleting === entry.id) return h("li", {}, deleteQuestion(entry));
  return h(
    "li",
    { class: isOpen ? "entry open" : "entry" },
    h(
      "button",
      {
        class: "entry-open",
        type: "button",
        "data-key": `open-${entry.id}`,
        "aria-current": isOpen ? "page" : null,
        onclick: () => openConversation(entry.id, { push: true }),
      },
      h("span", { class: "entry-title" }, entry.title),
      h("span", { class: "entry-meta" }, when(entry.updated_at), entry.origin === "again" ? h("span", { class: "entry-again" }, icon("retry"), t("again_mark")) : null, badge(entry.feedback)),
    ),
    h(
      "span",
      { class: "entry-tools" },
      tool("pencil", t("rename"), `rename-${entry.id}`, () => change({ renaming: entry.id, deleting: null })),
      tool("trash", t("delete"), `delete-${entry.id}`, () => change({ deleting: entry.id, renaming: null })),
    ),
  );
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

function tool(name, label, key, onclick) {
  return h("button", { class: "icon-button", type: "button", title: label, "aria-label": label, "data-key": key, onclick }, icon(name));
}

function renameForm(entry) {
  const cancel = () => change({ renaming: null });
  const submit = (event) => {
    event.preventDefault();
    rename(entry.id, new FormData(event.target).get("title").trim());
  };
  const input = h("input", { name: "title", value: entry.title, maxlength: 120, required: true, "aria-label": t("rename"), "data-key": "title" });
  input.addEventListener("keydown", (event) => event.key === "Escape" && cancel());
  queueMicrotask(() => document.activeElement === input || input.focus());
  return h(
    "form",
    { class: "entry-form", onsubmit: submit },
    input,
    h("div", { class: "row" }, h("button", { class: "button small primary", type: "submit" }, t("save")), h("button", { class: "button small", type: "button", onclick: cancel }, t("cancel"))),
  );
}

function deleteQuestion(entry) {
  return h(
    "div",
    { class: "entry-form", role: "alertdialog", "aria-label": t("delete") },
    h("p", {}, t("delete_question", { title: entry.title })),
    h(
      "div",
      { class: "row" },
      h("button", { class: "button small danger", type: "button", "data-key": "delete-yes", onclick: () => remove(entry.id) }, t("delete")),
      h("button", { class: "button small", type: "button", "data-key": "delete-no", onclick: () => change({ deleting: null }) }, t("cancel")),
    ),
  );
}
