// The versions of the open case: who wrote each, when its visitor could read it, and two of them compared.

import { CallFailed } from "./api.js";
import { ask } from "./desk_sheet.js";
import { desk, words } from "./desk_shared.js";
import { sectionView } from "./difference_view.js";
import { h } from "./dom.js";
import { LOCALE } from "./words.js";

const AT = new Intl.DateTimeFormat(LOCALE, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
const BESIDE_KEY = "debrief-versions-beside";

/** Open the list; the version that counts is compared with the one that it was made from. */
export async function openVersions() {
  const { id } = desk.facts.case;
  const { items } = await ask("GET", `${id}/versions`);
  const written = items.filter((one) => one.origin !== "repeat");
  const newest = written.find((one) => one.counts) ?? written[0];
  const before = newest.parent_n ?? written.find((one) => one.n !== newest.n)?.n ?? newest.n;
  const view = { id, items, before, after: newest.n, beside: localStorage.getItem(BESIDE_KEY) === "yes", found: null };
  const dialog = h("dialog", { class: "desk-versions slot debrief", "aria-label": words("versions_title") });
  dialog.addEventListener("close", () => dialog.remove());
  document.querySelector("dialog.desk-versions")?.remove();
  document.body.append(dialog);
  const again = async () => {
    view.found = await ask("GET", `${id}/difference?before=${view.before}&after=${view.after}`).catch((error) => {
      if (!(error instanceof CallFailed)) throw error;
      return null;
    });
    fill(dialog, view, again);
  };
  await again();
  dialog.showModal();
}

function fill(dialog, view, again) {
  const { items } = view;
  const choose = (name, label) =>
    h(
      "label",
      {},
      label,
      " ",
      h("select", { onchange: ({ target }) => ((view[name] = Number(target.value)), again()) }, items.map((one) => h("option", { value: one.n, selected: one.n === view[name] }, words("version", { n: one.n })))),
    );
  const beside = h("input", { type: "checkbox", checked: view.beside, onchange: ({ target }) => (keepBeside(view, target.checked), fill(dialog, view, again)) });
  dialog.replaceChildren(
    h("div", { class: "desk-versions-head" }, h("h2", {}, words("versions_title")), h("button", { class: "button small", type: "button", onclick: () => dialog.close() }, words("close"))),
    h("ol", { class: "desk-versions-list" }, items.map(line)),
    h("div", { class: "desk-versions-choice" }, choose("before", words("versions_before")), choose("after", words("versions_after")), h("label", {}, beside, " ", words("versions_beside"))),
    view.found ? difference(view) : h("p", { class: "problem" }, words("versions_unreadable")),
  );
}

function keepBeside(view, isOn) {
  view.beside = isOn;
  localStorage.setItem(BESIDE_KEY, isOn ? "yes" : "no");
}

function line(one) {
  const who = one.origin === "human_edit" ? words("version_edited", { name: one.author ?? "?" }) : words(one.origin === "repeat" ? "version_repeat" : one.parent_n ? "version_remade" : "version_model");
  const shown = one.shown.map(({ since, until }) => (until ? words("version_shown", { since: AT.format(new Date(since)), until: AT.format(new Date(until)) }) : words("version_shown_now", { since: AT.format(new Date(since)) })));
  return h(
    "li",
    { class: one.counts ? "counts" : null },
    h("b", {}, words("version", { n: one.n })),
    h("span", {}, `${who} · ${AT.format(new Date(one.created_at))} · ${words("item_checks", { passed: one.checks_passed, of: one.checks })}`),
    h("span", { class: "quiet" }, shown.length ? shown.join("; ") : words(one.origin === "repeat" ? "version_record" : "version_unshown")),
    one.guidance ? h("span", { class: "remark" }, one.guidance) : null,
  );
}

/** What changed, in place or side by side; sections that are the same are counted, not repeated. */
function difference({ found, beside, before, after }) {
  const changed = found.sections.filter((section) => section.change !== "same");
  const same = found.sections.length - changed.length;
  if (!changed.length) return h("p", { class: "quiet" }, words("versions_same"));
  return h(
    "div",
    { class: beside ? "desk-difference beside" : "desk-difference" },
    beside ? h("div", { class: "desk-difference-heads" }, h("b", {}, words("version", { n: before })), h("b", {}, words("version", { n: after }))) : null,
    changed.map((section) => sectionView(section, beside)),
    same ? h("p", { class: "quiet" }, words("versions_rest", { n: same })) : null,
  );
}
