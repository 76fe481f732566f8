// The filters over the list of the desk: what is set, a panel to set more, and the order.

import { h } from "./dom.js";
import { list, loadChoices, viewChanged } from "./desk_list.js";
import { words } from "./desk_shared.js";
import { activeFilters, clearFilters, setValue, sortOrder, SORTS, valueOf } from "./desk_view.js";
import { LANGUAGE, LOCALE } from "./words.js";

const DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const CHECKS = ["evidence_exact", "evidence_is_own", "levels_backed", "language_matches", "rewrite_differs", "no_repetition", "no_echo", "min_words", "no_injection"];
const YES_OR_NO = ["flagged", "disputed", "partial"];

let isOpen = false;

export function filterTools() {
  const active = activeFilters().filter((name) => name !== "q");
  return [
    h(
      "div",
      { class: "desk-finder-row" },
      h(
        "button",
        { class: "button small", type: "button", "data-key": "filters", "aria-expanded": String(isOpen), onclick: toggle },
        words("filters"),
        active.length ? h("span", { class: "desk-count" }, String(active.length)) : null,
      ),
      choice("sort", SORTS.map((name) => [name, words(`sort_${name}`)]), sortOrder()),
    ),
    isOpen ? panel() : active.length ? h("div", { class: "desk-chips" }, active.map(chip), clearButton()) : null,
  ];
}

function toggle() {
  isOpen = !isOpen;
  loadChoices(); // draws
}

function change(name, value) {
  setValue(name, value);
  viewChanged();
}

function clearButton() {
  const clear = () => {
    clearFilters();
    viewChanged();
  };
  return h("button", { class: "desk-link", type: "button", "data-key": "clear-filters", onclick: clear }, words("clear_filters"));
}

function chip(name) {
  const label = `${words(`by_${name}`)}: ${said(name, valueOf(name))}`;
  return h("button", { class: "chip desk-chip", type: "button", "data-key": `chip-${name}`, title: words("remove_filter"), onclick: () => change(name, "") }, label, " ×");
}

/** A filter's value in words. */
function said(name, value) {
  const options = optionsOf(name);
  return options?.find(([one]) => one === value)?.[1] ?? (name === "rubric" ? value.slice(0, 8) : value);
}

function panel() {
  const menus = ["scenario", "rubric", "model", "language", "level", "check", ...YES_OR_NO, "overdue", "asked_by", "reviewer", "assignee"];
  return h(
    "div",
    { class: "desk-filters" },
    menus.map((name) => h("label", {}, h("span", {}, words(`by_${name}`)), choice(name, [["", words("any")], ...optionsOf(name)], valueOf(name)))),
    ["since", "until"].map((name) =>
      h("label", {}, h("span", {}, words(`by_${name}`)), h("input", { type: "date", "data-key": `by-${name}`, value: valueOf(name), onchange: ({ target }) => change(name, target.value) })),
    ),
    activeFilters().length ? clearButton() : null,
  );
}

function choice(name, options, value) {
  const known = options.some(([one]) => one === value) ? options : [...options, [value, said(name, value)]];
  return h(
    "select",
    { "data-key": `by-${name}`, "aria-label": words(name === "sort" ? "sort" : `by_${name}`), onchange: ({ target }) => change(name, target.value) },
    known.map(([one, label]) => h("option", { value: one, selected: one === value }, label)),
  );
}

function optionsOf(name) {
  const kinds = list.choices?.kinds ?? [];
  const each = (key) => [...new Set(kinds.map((kind) => kind[key]).filter(Boolean))].sort().map((value) => [value, value]);
  if (["scenario", "model"].includes(name)) return each(name);
  if (name === "language") return each(name).map(([value]) => [value, new Intl.DisplayNames(LANGUAGE, { type: "language" }).of(value)]);
  if (name === "rubric") return rubrics(kinds);
  if (name === "level") return [1, 2, 3, 4, 5].map((level) => [String(level), words("item_worst", { level })]).concat([["0", words("no_level")]]);
  if (name === "check") return [["failed", words("any_failed")], ["passed", words("all_passed")], ...CHECKS.map((check) => [check, words(`check_${check}`)])];
  if (YES_OR_NO.includes(name)) return [["true", words("yes")], ["false", words("no")]];
  if (name === "overdue") return [["true", words("yes")]];
  if (name === "asked_by") return ["visitor", "end", "idle"].map((who) => [who, words(`asked_by_${who}`)]);
  if (name === "reviewer") return reviewers();
  return name === "assignee" ? [["-", words("nobody")], ...reviewers()] : null;
}

const reviewers = () => (list.choices?.reviewers ?? []).map((name) => [name, name]);

/** A rubric is known by its scenario and the day of its first feedback; its hash tells two of one day apart. */
function rubrics(kinds) {
  const first = new Map();
  for (const kind of kinds) if (kind.rubric && !(first.get(kind.rubric)?.since < kind.since)) first.set(kind.rubric, kind);
  return [...first.values()].map((kind) => [kind.rubric, `${kind.scenario}, ${DAY.format(new Date(kind.since))} (${kind.rubric.slice(0, 6)})`]);
}
