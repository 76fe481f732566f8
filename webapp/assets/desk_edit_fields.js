// The fields of the form in which a debrief is written over: texts, levels, and quotes that are lines of the visitor's.

import { words } from "./desk_shared.js";
import { showInTalk } from "./desk_talk.js";
import { h, icon } from "./dom.js";
import { t } from "./words.js";

/** A text with its label and its badge; it grows with what is in it. */
export function field(form, { path, label, holder, name, rows: least }) {
  const isItem = path.startsWith("strengths.") || path.startsWith("improvements.");
  const box = h("textarea", {
    rows: least,
    "data-most": form.draft.max_chars, // not maxlength, which cuts off what is pasted and says nothing
    "data-path": path,
    value: holder[name] ?? "",
    oninput: ({ target }) => {
      holder[name] = target.value || (isItem ? "" : null); // an item without words is told, a field without any is left out
      form.changed();
    },
  });
  return h("label", { class: "desk-field" }, h("span", { class: "desk-field-name" }, label, badge(path)), box);
}

const badge = (where) => h("small", { class: "edit-badge", "data-badge": where });

/** The five levels by name, and "not observed". Words that are the rubric's own for a level change with it. */
export function levelChooser(form, one, about) {
  const hint = h("p", { class: "quiet desk-level-text" });
  const say = () => (hint.textContent = about.levels.find(({ level }) => level === one.level)?.text ?? "");
  const choose = (level) => {
    follow(one, about, level);
    one.level = level;
    for (const name of ["reason", "tip"]) {
      const box = hint.closest("fieldset").querySelector(`textarea[data-path$=".${name}"]`);
      if (box) box.value = one[name] ?? "";
    }
    say();
    form.changed();
  };
  const names = about.levels.length ? about.levels.map(({ level, name }) => [level, `${level} · ${name}`]) : [1, 2, 3, 4, 5].map((level) => [level, String(level)]);
  say();
  return h(
    "div",
    { class: "desk-levels", role: "radiogroup", "aria-label": words("edit_level") },
    [...names, ["not_observed", t("not_observed")]].map(([level, name]) =>
      h(
        "label",
        { class: "desk-level" },
        h("input", { type: "radio", name: `level-${one.key}`, value: level, checked: one.level === level, onchange: () => choose(level) }),
        h("span", {}, name),
      ),
    ),
    hint,
    badge(`criteria.${one.key}`),
  );
}

/** Where reason and tip are the rubric's for the level that was, they become the rubric's for the level that is. */
function follow(one, about, level) {
  const [before, after] = [one.level, level].map((number) => about.levels.find((other) => other.level === number));
  if (before && after && one.reason === before.text) one.reason = after.text;
  if (before && after && (one.tip ?? null) === before.tip) one.tip = after.tip;
}

/** The quotes as chips, and a list of the visitor's lines to add one: nothing can be quoted that was not said. */
export function evidenceChooser(form, place, holder) {
  const root = h("div", { class: "desk-evidence", "data-evidence": place });
  /** The lines of a long talk are many, and the form has many choosers: each gets them when somebody turns to it. */
  const offer = ({ currentTarget: chooser }) => {
    if (chooser.options.length > 1) return;
    const left = form.draft.lines.filter(({ label }) => !holder.evidence.includes(label));
    chooser.append(...left.map((line) => h("option", { value: line.label }, `${line.label}  ${line.text.length > 90 ? `${line.text.slice(0, 90)}…` : line.text}`)));
  };
  const lines = new Map(form.draft.lines.map((line) => [line.label, line]));
  const set = (labels) => {
    holder.evidence = labels;
    again();
    form.changed();
  };
  const again = () => {
    root.replaceChildren(
      h("span", { class: "desk-field-name" }, words("edit_evidence")),
      ...holder.evidence.map((label) => chip(lines.get(label), () => set(holder.evidence.filter((other) => other !== label)))),
      holder.evidence.length < form.draft.max_lines
        ? h(
            "select",
            { "aria-label": words("edit_add_line"), onpointerdown: offer, onfocus: offer, onchange: ({ target }) => target.value && set([...holder.evidence, target.value]) },
            h("option", { value: "" }, words("edit_add_line")),
          )
        : "",
    );
  };
  again();
  return root;
}

function chip(line, remove) {
  return h(
    "span",
    { class: "desk-chip" },
    h("button", { class: "quote", type: "button", title: t("show_in_talk"), onclick: () => showInTalk(line.message_id, line.text) }, h("span", { class: "quote-words" }, line.text)),
    h("button", { class: "desk-chip-off", type: "button", title: words("edit_remove_line"), "aria-label": `${words("edit_remove_line")}: ${line.text}`, onclick: remove }, "×"),
  );
}

/** An empty item; an improvement is first taken to be about what has the lowest level. */
export function newItem({ edit }, part) {
  if (part === "strengths") return { why: "", evidence: [] };
  const levels = edit.criteria.map((one) => (Number.isInteger(one.level) ? one.level : Infinity));
  return { criterion: edit.criteria[levels.indexOf(Math.min(...levels))].key, problem: "", rewrite: "", evidence: [] };
}

function criterionChooser(form, item) {
  const choose = ({ target }) => {
    item.criterion = target.value;
    form.changed();
  };
  return h(
    "label",
    { class: "desk-field" },
    h("span", { class: "desk-field-name" }, words("edit_about")),
    h("select", { onchange: choose }, form.draft.criteria.map(({ key, name }) => h("option", { value: key, selected: key === item.criterion }, name))),
  );
}

/** A strength or an improvement, with a button that deletes it. */
export function itemFields(form, part, item, at, remove) {
  const place = `${part}.${at}`;
  const texts = part === "strengths" ? [["why", "edit_why"]] : [["problem", "edit_problem"], ["rewrite", "edit_rewrite"]];
  return h(
    "fieldset",
    { class: "desk-editor-part", "data-where": place },
    h("legend", {}, words(part === "strengths" ? "edit_strength" : "edit_improvement", { n: at + 1 })),
    h("button", { class: "desk-item-delete", type: "button", "aria-label": words("edit_delete_item"), title: words("edit_delete_item"), onclick: remove }, icon("trash")),
    part === "improvements" ? criterionChooser(form, item) : null,
    texts.map(([name, label]) => field(form, { path: `${place}.${name}`, label: words(label), holder: item, name, rows: 2 })),
    evidenceChooser(form, place, item),
    badge(place),
  );
}
