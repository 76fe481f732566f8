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

/** The dialog says how many and what is left out, then how far it is, then what came of it: all of them each time. */
function openPreview(wish, { count: found, done: count, left_out, most, until }) {
  const { action } = wish;
  const run = { isStopped: false };
  const who = action === "assign" && count ? assignees() : null;
  const said = h("p", { role: "status" }, words(count ? `bulk_${action}_ask` : `bulk_${action}_none`, { n: count || found }));
  const confirm = count ? h("button", { class: "button primary", type: "button", onclick: go }, words(`bulk_${action}`)) : null;
  const cancel = h("button", { class: "button", type: "button", onclick: () => sheet.close() }, words(count ? "cancel" : "close"));
  const note = h("div", {}, leftOut(left_out, found, most));
  const sheet = h("dialog", { class: "desk-keys desk-many slot", "aria-label": words("bulk") }, said, note, who, h("div", { class: "desk-bulk-buttons" }, cancel, confirm));
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
  (confirm ?? cancel).focus();

  async function go() {
    run.hasBegun = true;
    confirm.remove();
    who?.remove();
    note.replaceChildren();
    cancel.textContent = words("bulk_stop");
    const total = { done: 0, skipped: {} };
    try {
      await walk({ ...wish, until, assignee: who?.querySelector("select").value || null }, (part) => {
        add(total, part);
        said.textContent = words("bulk_progress", { done: total.done + sum(total.skipped), of: found });
        return !run.isStopped;
      });
      tellAll("");
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      run.isStopped = true;
      tellAll(error.message);
    }
    cancel.textContent = words("close");
    cancel.focus();

    function tellAll(problem) {
      const rest = found - total.done - sum(total.skipped);
      if (rest > 0) add(total, { done: 0, skipped: { [whyTheRest(total, run)]: rest } });
      said.textContent = [problem, words("bulk_done", { n: total.done })].filter(Boolean).join(" ");
      note.replaceChildren(...leftOut(total.skipped, found, most));
    }
  }
}

/** Of those that were counted and not met: what left the list meanwhile is somebody else's doing. */
const whyTheRest = ({ skipped }, { isStopped }) => (isStopped ? "untouched" : skipped.full ? "full" : "moved_on");

/** How many are left out, and why, the most frequent reason first. */
function leftOut(reasons, of, most) {
  const n = sum(reasons);
  if (!n) return [];
  const lines = Object.entries(reasons).sort(([, one], [, other]) => other - one);
  return [h("p", { class: "quiet" }, words("bulk_left_out", { n, of })), h("ul", {}, lines.map(([why, m]) => h("li", {}, words(`bulk_why_${why}`, { n: m, most }))))];
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

const sum = (reasons) => Object.values(reasons).reduce((total, n) => total + n, 0);

function assignees() {
  const names = list.choices?.reviewers ?? [];
  const options = [h("option", { value: "" }, words("nobody")), ...names.map((name) => h("option", { value: name, selected: name === desk.facts.me.name }, name))];
  return h("label", { class: "desk-assign" }, h("span", {}, words("by_assignee")), h("select", {}, options));
}
