// What can be done with the open case besides approving and rejecting: edit, have it written anew, hand it on, compare.

import { CallFailed } from "./api.js";
import { startEditing } from "./desk_edit.js";
import { moveCase, openSheet } from "./desk_sheet.js";
import { desk, lookAgain, words } from "./desk_shared.js";
import { openHistory } from "./desk_history.js";
import { openVersions } from "./desk_versions.js";
import { h, icon } from "./dom.js";

const GUIDANCE_MAX = 600;
const can = (action) => Boolean(desk.facts?.case?.can?.includes(action));

/** The row of buttons over the debrief. */
export function tools(shown) {
  const buttons = [
    can("edit") ? tool("edit", "pencil", words("edit"), edit) : null,
    can("regenerate") ? tool("regenerate", "retry", words("regenerate"), regenerate) : null,
    can("escalate") ? tool("escalate", "person", words("escalate"), escalate) : null,
    shown.versions > 1 ? tool("versions", "beside", words("versions", { n: shown.versions }), versions) : null,
    tool("history", "clock", words("history"), history),
    can("withdraw") ? tool("withdraw", "trash", words("withdraw"), withdraw) : null,
  ];
  return h("div", { class: "desk-tools", role: "toolbar", "aria-label": words("tools") }, buttons);
}

const tool = (key, drawing, label, onclick) => h("button", { class: "desk-tool", type: "button", "data-key": `tool-${key}`, onclick }, icon(drawing), label);

/** Of a wish to have it written anew: that it failed, or that the new version is there to be compared. */
export function remadeNote(shown) {
  const { remade } = shown;
  if (!remade || shown.origin === "human_edit") return null;
  if (["failed", "cancelled", "skipped"].includes(remade.state)) return h("p", { class: "note", role: "status" }, words("remade_failed"));
  if (!["succeeded", "partial"].includes(remade.state)) return null;
  return h(
    "div",
    { class: "note" },
    h("p", {}, words("remade", { n: shown.version_n })),
    remade.guidance ? h("p", { class: "remark" }, remade.guidance) : null,
    h("button", { class: "button small", type: "button", "data-key": "compare-remade", onclick: versions }, words("remade_compare")),
  );
}

/** What cannot be read just now is told, and the case stays as it is. */
async function orTell(act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    lookAgain({ kind: "bad", text: error.message });
  }
}

export const edit = () => can("edit") && void orTell(startEditing);
export const versions = () => desk.facts?.case?.versions > 1 && void orTell(openVersions);
export const history = () => Boolean(desk.facts?.case) && void orTell(openHistory);

export function regenerate() {
  if (!can("regenerate")) return;
  const hint = desk.facts.case.way === "rubric" ? words("sheet_regenerate_rubric") : null;
  openSheet("regenerate", { most: GUIDANCE_MAX, hint, act: (guidance) => moveCase("regenerate", { guidance }, words("regenerating_said"), { decides: true }) });
}

export function escalate() {
  if (can("escalate")) openSheet("escalate", { needed: true, act: (note) => moveCase("escalate", { note }, words("escalated"), { decides: true }) });
}

export function open_reopen() {
  if (can("reopen")) openSheet("reopen", { act: (note) => moveCase("reopen", { note }, words("reopened")) });
}

function withdraw() {
  openSheet("withdraw", { most: 0, danger: true, act: () => moveCase("withdraw", {}, words("withdrawn"), { decides: true }) });
}
