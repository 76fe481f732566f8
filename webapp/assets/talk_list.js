// The list of the visitor's talks: reading it slice by slice, and what one does to a talk in it.

import { openConversation, refreshConversation, showStart } from "./actions.js";
import { call } from "./api.js";
import { focusSoon } from "./dom.js";
import { forgetDraft } from "./drafts.js";
import { change, state } from "./state.js";
import { t } from "./words.js";

const SLICE = 50;
const SLICE_MAX = 100;

const newestFirst = (one, other) => (one.updated_at < other.updated_at ? 1 : one.updated_at > other.updated_at ? -1 : one.id < other.id ? 1 : -1);

/** Read the newest slice; what was loaded further down stays. `whole`: read that again as well, after a change in it. */
export async function refreshList({ whole = false } = {}) {
  const loaded = state.list?.length ?? 0;
  try {
    const first = await readSlice(null, whole && loaded > SLICE ? SLICE_MAX : SLICE);
    let { items, next } = first;
    if (whole) {
      while (next && items.length < loaded) {
        const more = await readSlice(next, SLICE_MAX);
        items = [...items, ...more.items];
        next = more.next;
      }
    } else if (next && loaded > items.length) {
      const known = new Set(items.map(({ id }) => id));
      const last = items.at(-1);
      items = [...items, ...state.list.filter((entry) => !known.has(entry.id) && newestFirst(last, entry) < 0)];
      next = state.listNext;
    }
    change({ list: items, listNext: next, listTotal: first.total, listError: null });
    followTitle();
  } catch (error) {
    change({ listError: state.list ? null : error.message });
  }
}

const readSlice = (cursor, limit) => call("GET", `conversations?limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);

/** Another tab may have given the open talk another title. */
function followTitle() {
  const open = state.list.find(({ id }) => id === state.conversation?.id);
  if (open && open.title !== state.conversation.title) change({ conversation: { ...state.conversation, title: open.title } });
}

export async function loadMore() {
  if (!state.listNext || state.isLoadingMore) return;
  const cursor = state.listNext;
  change({ isLoadingMore: true, moreError: null });
  try {
    const { items, next } = await readSlice(cursor, SLICE);
    if (state.listNext === cursor) {
      const known = new Set(state.list.map(({ id }) => id));
      change({ list: [...state.list, ...items.filter(({ id }) => !known.has(id))], listNext: next });
    }
  } catch (error) {
    change({ moreError: error.message });
  } finally {
    change({ isLoadingMore: false });
  }
}

export const startRenaming = (id) => change({ renaming: id, renameError: null, openMenu: null });

/** Refused or failed, the form stays open with what was typed. */
export async function rename(id, title) {
  if (!title) return change({ renameError: t("rename_empty") });
  try {
    await call("PATCH", `conversations/${id}`, { body: { title } });
  } catch (error) {
    return change({ renameError: error.message });
  }
  change({ renaming: null, renameError: null, list: state.list?.map((entry) => (entry.id === id ? { ...entry, title } : entry)) });
  if (state.conversation?.id === id) change({ conversation: { ...state.conversation, title } });
  refreshList({ whole: true });
}

// ---- deleting and taking it back --------------------------------------------------------------------------------

let isRemoving = false; // the stream tells of it before the answer to the request: the open talk is not read again then
const known = new Set(); // deletions that this tab has told of, or that were there when it came

export async function remove(id) {
  const before = state.list;
  const next = neighbour(id);
  change({ openMenu: null, list: before?.filter((entry) => entry.id !== id) ?? null });
  isRemoving = true;
  try {
    tell(await call("DELETE", `conversations/${id}`), state.conversation?.id === id);
    if (state.conversation?.id === id) showStart();
    keepFocusInList(next);
  } catch (error) {
    change({ list: before, notice: { words: error.message, isProblem: true } });
  } finally {
    isRemoving = false;
  }
  refreshList({ whole: true });
}

/** The talk below this one in the list, or above it. */
function neighbour(id) {
  const at = state.list?.findIndex((entry) => entry.id === id) ?? -1;
  return at < 0 ? null : (state.list[at + 1] ?? state.list[at - 1])?.id;
}

/** What had the focus has gone from the list: its neighbour has it, so that the keyboard goes on from there. */
function keepFocusInList(id) {
  requestAnimationFrame(() => requestAnimationFrame(() => document.activeElement === document.body && focusSoon(id ? `open-${id}` : "new")));
}

export async function removeAll() {
  change({ isAskingAll: false, openMenu: null });
  isRemoving = true;
  try {
    tell(await call("DELETE", "conversations?all=true"), false);
    if (state.conversation) showStart();
  } catch (error) {
    change({ notice: { words: error.message, isProblem: true } });
  } finally {
    isRemoving = false;
  }
  refreshList({ whole: true });
}

/** Say what was deleted, with the way back beside it. */
function tell(deletion, wasOpen) {
  known.add(deletion.id);
  change({ deletions: [deletion, ...state.deletions.filter(({ id }) => id !== deletion.id)], notice: { deletion, wasOpen } });
}

export const deletionWords = ({ count, title }) => (title === null ? t("deleted_many", { count }) : t("deleted_one", { title }));

export async function undo(deletion, wasOpen = false) {
  try {
    await call("POST", `deletions/${deletion.id}/undo`);
    change({ notice: { words: deletion.count === 1 ? t("undone_one", deletion) : t("undone_many", deletion) } });
    if (wasOpen && state.view === "start") openConversation(deletion.conversation_id, { push: true });
  } catch (error) {
    change({ notice: { words: error.message, isProblem: true } });
  }
  await Promise.all([refreshList({ whole: true }), refreshDeletions()]);
}

/** What can be undone. A deletion of a moment ago in another tab is told here too. */
export async function refreshDeletions({ isFirst = false } = {}) {
  let items;
  try {
    ({ items } = await call("GET", "deletions"));
  } catch {
    return; // the list tells of a server that is away
  }
  const fresh = items.find(({ id }) => !known.has(id));
  for (const { id } of items) known.add(id);
  const isOver = state.notice?.deletion && !items.some(({ id }) => id === state.notice.deletion.id);
  change({ deletions: items, ...(isOver ? { notice: null } : {}), ...(fresh && !isFirst ? { notice: { deletion: fresh, wasOpen: false } } : {}) });
}

// ---- news of the live stream ------------------------------------------------------------------------------------

let timer = 0;
let isWhole = false;

/** A talk was touched; `changed`: it has another title, was deleted, or came back. No id: many were. */
export function hearOfList({ conversation_id: id, changed }) {
  isWhole ||= changed;
  if (changed && !isRemoving && state.conversation && (id === null || id === state.conversation.id)) refreshConversation(state.conversation.id);
  // A hidden tab reads the list when it is looked at again (page.js).
  if (document.visibilityState !== "visible") return;
  timer ||= setTimeout(catchUp, 300);
}

export function catchUp() {
  clearTimeout(timer);
  timer = 0;
  const whole = isWhole;
  isWhole = false;
  refreshList({ whole });
  if (whole) refreshDeletions();
}

