// Searching one's talks as one types.

import { openConversation, refreshConversation } from "./actions.js";
import { call } from "./api.js";
import { h, icon, show } from "./dom.js";
import { showMessage } from "./marks.js";
import { change, state } from "./state.js";
import { showFrom } from "./windows.js";
import { t, when } from "./words.js";

const WAIT_MS = 200;
const LONE_LETTERS = /[\u3131-\u318e]+$/; // a Korean syllable that is only begun
let input = null;
let timer = 0;
let asking = null; // AbortController of the search under way

/** The box. It is made once and never drawn anew: that would break a syllable that is being put together. */
export function searchBox() {
  input = h("input", { type: "search", id: "search", placeholder: t("search"), "aria-label": t("search"), autocomplete: "off", enterkeyhint: "search", maxlength: 200 });
  input.addEventListener("input", soon);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") clearSearch();
    if (event.key === "Enter") search();
  });
  return h("div", { class: "search", role: "search" }, icon("search"), input);
}

export function clearSearch() {
  if (input) input.value = "";
  stopAsking();
  change({ search: null });
}

function stopAsking() {
  clearTimeout(timer);
  asking?.abort();
  asking = null;
}

function soon({ isComposing }) {
  clearTimeout(timer);
  const text = isComposing ? input.value.replace(LONE_LETTERS, "") : input.value;
  if (!input.value.trim()) return clearSearch();
  if (text.trim()) timer = setTimeout(() => search(text), WAIT_MS);
}

async function search(text = input.value) {
  stopAsking();
  text = text.trim();
  if (!text) return clearSearch();
  await ask(text, null, []);
}

const searchOn = () => ask(state.search.text, state.search.next, state.search.items);

/** Ask for a slice. An answer that is no longer wanted is never shown: its question was called off. */
async function ask(text, cursor, before) {
  const mine = new AbortController();
  asking?.abort();
  asking = mine;
  change({ search: { ...(state.search ?? { items: [], next: null }), isAsking: true, error: null } });
  try {
    const { items, next } = await call("POST", "search", { body: { text, ...(cursor ? { cursor } : {}) }, signal: mine.signal });
    if (asking === mine) change({ search: { text, items: [...before, ...items], next, isAsking: false, error: null } });
  } catch (error) {
    if (asking === mine) change({ search: { text, items: before, next: null, isAsking: false, error: error.message } });
  }
}

export function renderResults(root) {
  const { text, items, next, isAsking, error } = state.search;
  show(
    root,
    h("p", { class: "quiet found-words", role: "status" }, isAsking && text === undefined ? t("searching") : resultWords(text, items, next, error)),
    h("ul", { class: "found-list", "aria-label": t("search"), "aria-busy": String(Boolean(isAsking)) }, items.map(result)),
    next ? h("button", { class: "button small", type: "button", "data-key": "found-more", disabled: isAsking, onclick: searchOn }, t("show_more")) : null,
  );
}

function resultWords(text, items, next, error) {
  if (error) return error;
  if (items.length === 0) return t("search_nothing", { text });
  return t("search_found", { count: next ? `${items.length}+` : items.length });
}

function result(found) {
  const { hit } = found;
  return h(
    "li",
    { class: found.id === state.conversation?.id ? "entry open" : "entry" },
    h(
      "button",
      { class: "entry-open", type: "button", "data-key": `found-${found.id}`, onclick: () => openAt(found) },
      h("span", { class: "entry-title" }, marked(found.title, hit ? "" : state.search.text)),
      hit ? h("span", { class: "found-hit" }, hit.is_cut ? "…" : "", hit.before, h("mark", {}, hit.match), hit.after) : null,
      h("span", { class: "entry-meta" }, when(found.updated_at), found.count > 1 ? h("span", {}, t("search_messages", { count: found.count })) : null),
    ),
  );
}

/** The title with the term in it marked, where only the title has it. */
function marked(title, text) {
  const at = text ? title.toLowerCase().indexOf(text.toLowerCase()) : -1;
  if (at < 0) return title;
  return [title.slice(0, at), h("mark", {}, title.slice(at, at + text.length)), title.slice(at + text.length)];
}

async function openAt({ id, hit }) {
  await openConversation(id, { push: true, ...(hit ? { at: hit.message_id } : {}) });
  if (!hit || state.conversation?.id !== id || state.missing) return;
  try {
    if (!isOnPath(hit.message_id)) await takeBranch(id, hit.message_id);
    const at = state.messages.findIndex((message) => message.id === hit.message_id);
    if (at >= 0) showFrom(at, () => showMessage(hit.message_id, hit.match));
  } catch {
    change({ hint: t("search_in_branch") }); // an answer is being written in the branch that is shown
  }
}

const isOnPath = (id) => state.messages.some((message) => message.id === id);

/** What was looked for was said in another version of the talk: go on from that one, as the arrows at a message do. */
async function takeBranch(id, messageId) {
  await call("POST", `messages/${messageId}/choose`);
  if (state.conversation?.id === id) await refreshConversation(id);
}
