// One decision for many: what is selected in the list, or all that the filters admit. First how many it will meet, then
// portion by portion with what came of it. Each one is a move of its own; what cannot be moved is counted with its reason.

import { CallFailed } from "./api.js";
import { mayExport, openExport } from "./desk_export.js";
import { drawList, list, loadChoices } from "./desk_list.js";
import { ask } from "./desk_sheet.js";
import { desk, lookAgain, words } from "./desk_shared.js";
import { queryOf } from "./desk_view.js";
import { h } from "./dom.js";

const ID_PORTION = 25;
const ACTIONS = ["approve", "assign", "regenerate"];

let meansAll = false; // all that the filters admit, and not only what is selected

export function bulkBar() {
  const picked = list.selected.size;
  if (!picked && !meansAll) {
    return list.items.length ? h("button", { class: "desk-link desk-all", type: "button", "data-key": "bulk-all", onclick: () => choose(true) }, words("bulk_all")) : null;
  }
  return h(
    "div",
    { class: "desk-bulk", role: "group", "aria-label": words("bulk") },
    h("span", { role: "status" }, meansAll ? words("bulk_means_all") : words("selected", { n: picked })),
    ACTIONS.map((action) => h("button", { class: "button small", type: "button", "data-key": `bulk-${action}`, onclick: () => begin(action) }, words(`bulk_${action}`))),
    meansAll && mayExport() ? h("button", { class: "button small", type: "button", "data-key": "bulk-export", onclick: openExport }, words("bulk_export")) : null,
    h("button", { class: "desk-link", type: "button", "data-key": "clear-selection", onclick: clearSelection }, words("clear_selection")),
  );
}

function choose(all) {
  meansAll = all;
  drawList();
}

export const hasSelection = () => list.selected.size > 0 || meansAll;

export function clearSelection() {
  list.selected.clear();
  choose(false);
}

async function begin(action) {
  const wish = meansAll ? { action, view: queryOf().toString() } : { action, ids: [...list.selected] };
  if (action === "assign") await loadChoices();
  try {
    openPreview(wish, await ask("POST", "bulk/preview", wish));
  } catch (error) {
    tell(error);
  }
}

function tell(error) {
  if (!(error instanceof CallFailed)) throw error;
  lookAgain({ kind: "bad", text: error.message });
}

/** The dialog says how many, then how far it is, then what came of it. */
function openPreview(wish, { count: found, disputed, room: count, most, until }) {
  const { action } = wish;
  const run = { isStopped: false };
  const who = action === "assign" ? assignees() : null;
  const said = h("p", { role: "status" }, words(`bulk_${action}_ask`, { n: count }));
  const confirm = h("button", { class: "button primary", type: "button", disabled: !count, onclick: go }, words(`bulk_${action}`));
  const cancel = h("button", { class: "button", type: "button", onclick: () => sheet.close() }, words("cancel"));
  const note = noteOf(action, found, disputed, count, most);
  const sheet = h("dialog", { class: "desk-keys slot", "aria-label": words("bulk") }, said, note, who, h("div", { class: "desk-bulk-buttons" }, cancel, confirm));
  sheet.addEventListener("close", () => {
    run.isStopped = true;
    sheet.remove();
    if (run.hasBegun) {
      clearSelection();
      lookAgain();
    }
  });
  document.body.append(sheet);
  sheet.showModal();
  confirm.focus();

  async function go() {
    run.hasBegun = true;
    confirm.remove();
    who?.remove();
    note?.remove();
    cancel.textContent = words("bulk_stop");
    const total = { done: 0, skipped: {} };
    try {
      await walk({ ...wish, until, assignee: who?.querySelector("select").value || null }, (part) => {
        add(total, part);
        said.textContent = words("bulk_progress", { done: total.done + left(total), of: count });
        return !run.isStopped;
      });
      said.textContent = report(total, run.isStopped);
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      said.textContent = `${error.message} ${report(total, true)}`;
    }
    cancel.textContent = words("close");
    cancel.focus();
  }
}

/** What is left out, and why. */
function noteOf(action, found, disputed, room, most) {
  if (action === "approve" && disputed) return h("p", { class: "note" }, words("bulk_disputed", { n: disputed }));
  return room < found ? h("p", { class: "note" }, words(room ? "bulk_capped" : "bulk_full", { n: found, room, most })) : null;
}

/** Portion by portion, as long as `goesOn` says so of each outcome. */
async function walk(wish, goesOn) {
  if (wish.ids) {
    for (let at = 0; at < wish.ids.length; at += ID_PORTION) {
      const part = await ask("POST", "bulk", { ...wish, until: undefined, ids: wish.ids.slice(at, at + ID_PORTION) });
      if (!goesOn(part)) return;
    }
    return;
  }
  let cursor = null;
  do {
    const part = await ask("POST", "bulk", { ...wish, cursor });
    cursor = part.next;
    if (!goesOn(part)) return;
  } while (cursor);
}

function add(total, { done, skipped }) {
  total.done += done;
  for (const [why, n] of Object.entries(skipped)) total.skipped[why] = (total.skipped[why] ?? 0) + n;
}

const left = ({ skipped }) => Object.values(skipped).reduce((sum, n) => sum + n, 0);

/** "18 done. 2 left out: 1 with somebody else, 1 decided meanwhile." */
function report(total, isStopped) {
  const why = Object.entries(total.skipped).map(([reason, n]) => words(`bulk_why_${reason}`, { n }));
  return [
    words("bulk_done", { n: total.done }),
    why.length ? words("bulk_left_out", { n: left(total), why: why.join(", ") }) : null,
    isStopped ? words("bulk_stopped") : null,
  ]
    .filter(Boolean)
    .join(" ");
}

function assignees() {
  const names = list.choices?.reviewers ?? [];
  const options = [h("option", { value: "" }, words("nobody")), ...names.map((name) => h("option", { value: name, selected: name === desk.facts.me.name }, name))];
  return h("label", { class: "desk-assign" }, h("span", {}, words("by_assignee")), h("select", {}, options));
}
