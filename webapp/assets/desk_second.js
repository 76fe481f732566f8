// Second opinions: a decided debrief judged once more, blind; and how far people agree with each other and the model.

import { CallFailed, call } from "./api.js";
import { words } from "./desk_shared.js";
import { h } from "./dom.js";
import { LANGUAGE, t } from "./words.js";

const ask = (method, path, body) => call(method, `/api/v1/${path}`, { body, language: LANGUAGE });

/** The buttons of the desk's bar. */
export const secondLinks = () => [
  h("button", { class: "desk-link", type: "button", "data-key": "second", onclick: openSecond }, words("second")),
  h("button", { class: "desk-link", type: "button", "data-key": "agreement", onclick: () => openAgreement("people") }, words("agreement")),
];

function openDialog(title) {
  document.querySelector("dialog.desk-second")?.remove();
  const content = h("div", { class: "desk-second-content" });
  const dialog = h(
    "dialog",
    { class: "desk-second slot debrief", "aria-label": title },
    h("div", { class: "desk-versions-head" }, h("h2", {}, title), h("button", { class: "button small", type: "button", onclick: () => dialog.close() }, words("close"))),
    content,
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return content;
}

/** What cannot be asked or saved is told in place; what was chosen stays. */
async function tryIt(place, act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    place.querySelector(".problem")?.remove();
    place.append(h("p", { class: "problem", role: "alert" }, error.message));
  }
}

// ---- the opinion

async function openSecond() {
  const content = openDialog(words("second"));
  await tryIt(content, async () => showNext(content));
}

async function showNext(content) {
  const found = await ask("POST", "second-opinions/next");
  content.replaceChildren(...(found ? opinion(found, content) : [h("p", { class: "quiet" }, words("second_none"))]));
}

function opinion(found, content) {
  const said = { levels: {}, decision: null };
  const form = h(
    "form",
    { class: "desk-second-form" },
    found.criteria.map((criterion) => levels(criterion, said, found)),
    h(
      "fieldset",
      { class: "desk-editor-part" },
      h("legend", {}, words("second_decision")),
      h("div", { class: "desk-levels" }, ["approve", "reject"].map((decision) => choice("second-decision", words(`second_${decision}`), () => (said.decision = decision)))),
    ),
    h("div", { class: "desk-sheet-buttons" }, h("button", { class: "button primary", type: "submit" }, words("second_give"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tryIt(form, async () => {
      const first = await ask("POST", `second-opinions/${found.id}`, { decision: said.decision ?? "", levels: said.levels });
      content.replaceChildren(...given(found, said, first, content));
    });
  });
  return [
    h("p", { class: "quiet" }, words("second_lead")),
    h(
      "div",
      { class: "desk-second-two" },
      h("div", { class: "desk-second-talk" }, h("h3", {}, found.title), found.messages.map((message) => h("p", { class: `said ${message.role}` }, message.text)), wordsOf(found)),
      form,
    ),
  ];
}

function levels(criterion, said, { body }) {
  const hint = h("p", { class: "quiet desk-level-text" });
  const choose = (level) => {
    said.levels[criterion.key] = level;
    hint.textContent = criterion.levels.find((one) => one.level === level)?.text ?? "";
  };
  const quotes = body.criteria.find((result) => result.key === criterion.key)?.evidence ?? [];
  return h(
    "fieldset",
    { class: "desk-editor-part" },
    h("legend", {}, criterion.name),
    criterion.question ? h("p", { class: "quiet" }, criterion.question) : null,
    quotes.map((quote) => h("p", { class: "remark" }, quote.quote)),
    h(
      "div",
      { class: "desk-levels" },
      criterion.levels.map(({ level, name }) => choice(`second-${criterion.key}`, `${level} · ${name}`, () => choose(level))),
      choice(`second-${criterion.key}`, t("not_observed"), () => choose(null)),
      hint,
    ),
  );
}

const choice = (name, label, onchange) => h("label", { class: "desk-level" }, h("input", { type: "radio", name, onchange }), h("span", {}, label));

/** The words of the debrief that tell no level. */
function wordsOf({ body }) {
  if (body.way === "rubric") return h("p", { class: "quiet" }, words("second_quotes"));
  const texts = [
    body.summary,
    ...body.criteria.map((result) => result.reason && `${result.name}: ${result.reason}`),
    ...body.strengths.map((item) => item.why),
    ...body.improvements.map((item) => `${item.problem} → ${item.rewrite}`),
    body.next_step,
  ].filter(Boolean);
  return h("section", {}, h("h3", {}, words("second_words")), texts.map((text) => h("p", {}, text)));
}

function given(found, said, first, content) {
  const shown = (level) => (level === undefined ? "–" : level === null ? t("not_observed") : String(level));
  const decided = (decision) => words(decision === "reject" ? "second_reject" : "second_approve");
  return [
    h("p", {}, words("second_given")),
    table(
      ["", words("second_you"), words("second_first")],
      {
        lines: [
          [words("second_decision"), decided(said.decision), decided(first.decision)],
          ...found.criteria.map(({ key, name }) => [name, shown(said.levels[key]), shown(first.levels[key])]),
        ],
      },
    ),
    h(
      "div",
      { class: "desk-sheet-buttons" },
      h("a", { class: "button", href: first.link }, words("second_open")),
      h("button", { class: "button primary", type: "button", onclick: () => tryIt(content, () => showNext(content)) }, words("second_next")),
    ),
  ];
}

// ---- agreement

async function openAgreement(pair) {
  const content = openDialog(words("agreement"));
  await tryIt(content, async () => showAgreement(content, pair));
}

async function showAgreement(content, pair) {
  const { criteria, differing } = await ask("GET", `agreement?pair=${pair}`);
  const tab = (name) => h("button", { class: "chip", type: "button", "aria-pressed": String(name === pair), onclick: () => tryIt(content, () => showAgreement(content, name)) }, words(`agreement_${name}`));
  const heads = ["criterion", "n", "percent", "kappa", "linear", "quadratic"].map((name) => words(`agreement_${name}`));
  content.replaceChildren(
    h("p", { class: "quiet" }, words("agreement_lead")),
    h("div", { class: "desk-levels" }, tab("people"), tab("model")),
    criteria.length ? table(heads, ...byScenario(criteria)) : h("p", {}, words("agreement_none")),
    differing.length ? h("section", {}, h("h3", {}, words("agreement_differ")), h("ul", { class: "desk-second-differing" }, differing.map(differs))) : "",
  );
}

/** The lines of each scenario's criteria below its title, where there is more than one scenario. */
function byScenario(criteria) {
  const line = (one) => [one.name, String(one.n), percent(one.percent), figure(one.kappa), figure(one.linear), figure(one.quadratic)];
  const groups = [...Map.groupBy(criteria, (one) => one.scenario).values()];
  return groups.map((group) => ({ title: groups.length > 1 ? group[0].scenario_title : null, lines: group.map(line) }));
}

const level = (value) => (value === null ? t("not_observed") : String(value));
const differs = (one) => h("li", {}, h("a", { href: one.link }, `${one.name}: ${level(one.first)} / ${level(one.second)}`));

const figure = ({ value, low, high }) => (value === null ? "–" : low === null ? value.toFixed(2) : `${value.toFixed(2)} (${low.toFixed(2)} – ${high.toFixed(2)})`);
const percent = ({ value, low, high }) => (value === null ? "–" : `${Math.round(value * 100)} % (${Math.round(low * 100)} – ${Math.round(high * 100)})`);

function table(heads, ...groups) {
  const row = ([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), cells.map((cell) => h("td", {}, cell)));
  const body = ({ title, lines }) => h("tbody", {}, title ? h("tr", { class: "desk-group" }, h("th", { scope: "rowgroup", colspan: heads.length }, title)) : null, lines.map(row));
  const about = heads[0] || words("second_given");
  return h("div", { class: "sheet", tabindex: "0", role: "region", "aria-label": about }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), groups.map(body)));
}
