// The start page: what can be practised, in which language, and the form that some scenarios ask for.

import { loadScenarios, start } from "./actions.js";
import { focusSoon, h, icon, show } from "./dom.js";
import { modelBanner } from "./model_banner.js";
import { privacyLine } from "./privacy.js";
import { showProgress } from "./progress.js";
import { wayIn } from "./returning.js";
import { change, state } from "./state.js";
import { FACTS } from "./texts.js";
import { t } from "./words.js";

const LANGUAGES = { en: "English", ko: "한국어" }; // each in its own words

export function renderScenarios(root) {
  const scenario = state.scenarios?.find(({ id }) => id === state.chosenScenario);
  show(root, modelBanner(), scenario ? preparation(scenario) : overview());
}

function overview() {
  return [
    h("header", { class: "hero" }, h("h1", { tabindex: -1, "data-key": "start-title" }, t("start_title")), h("p", {}, t("start_lead"))),
    wayIn(),
    h("div", { class: "start-bar" }, languageChoice(), privacyLine(), progressLink()),
    englishOnlyNote(),
    state.startError ? h("p", { class: "problem", role: "alert" }, state.startError) : null,
    cards(),
  ];
}

/** On a phone the sidebar with the same way is closed. */
function progressLink() {
  if (!state.list?.some(({ feedback }) => feedback)) return null;
  return h("button", { class: "link", type: "button", "data-key": "start-progress", onclick: () => showProgress({ push: true }) }, icon("chart"), t("your_progress"));
}

function languageChoice() {
  const choose = (language) => {
    change({ talkLanguage: language });
    loadScenarios();
  };
  return h(
    "fieldset",
    { class: "segments" },
    h("legend", { class: "segments-label" }, t("talk_language")),
    Object.entries(LANGUAGES).map(([language, name]) =>
      h(
        "label",
        { class: "segment", lang: language },
        h("input", { type: "radio", name: "talk-language", checked: state.talkLanguage === language, "data-key": `language-${language}`, onchange: () => choose(language) }),
        name,
      ),
    ),
  );
}

function englishOnlyNote() {
  if (!FACTS.english_only || state.talkLanguage === "en") return null;
  return h("p", { class: "note", role: "status" }, t("english_only"));
}

function cards() {
  if (state.scenariosError) {
    return h(
      "p",
      { class: "problem", role: "alert" },
      state.scenariosError,
      " ",
      h("button", { class: "button small", type: "button", onclick: loadScenarios }, t("try_again")),
    );
  }
  if (state.scenarios === null) return h("div", { class: "cards", "aria-busy": "true" }, [1, 2, 3].map(() => h("div", { class: "card ghost" })));
  return h("ul", { class: "cards" }, state.scenarios.map(card));
}

function card(scenario, at) {
  const hasForm = scenario.form.length > 0;
  const open = () => (hasForm ? prepare(scenario) : start(scenario, {}));
  return h(
    "li",
    {},
    h(
      "button",
      { class: "card", type: "button", disabled: state.isStarting !== false, "data-key": `card-${scenario.id}`, onclick: open },
      h("span", { class: "card-head" }, face(scenario, at), h("span", { class: "card-names" }, h("span", { class: "card-title" }, scenario.title), partner(scenario))),
      h("span", { class: "card-summary" }, scenario.summary),
      facts(scenario),
      h(
        "span",
        { class: "card-foot" },
        h("span", { class: "card-go" }, state.isStarting === scenario.id ? t("starting") : t(hasForm ? "prepare" : "start"), icon("arrow")),
      ),
    ),
  );
}

function prepare(scenario) {
  change({ chosenScenario: scenario.id, answers: {}, startError: null });
  scrollTo(0, 0);
  focusSoon("preparation");
}

function leave(scenario) {
  change({ chosenScenario: null, startError: null });
  focusSoon(`card-${scenario.id}`);
}

/** The partner's first letter on a colour of its own, so that the cards can be told apart at a glance. */
const face = ({ persona }, at) => h("span", { class: "face", "data-hue": at % 4, "aria-hidden": "true" }, [...persona.name][0]);
const partner = ({ persona }) => h("span", { class: "card-with" }, t("with_partner", persona));

function facts(scenario) {
  return h(
    "span",
    { class: "card-facts" },
    h("span", {}, icon("target"), h("span", {}, scenario.you_practise)),
    h("span", { class: "card-quiet" }, icon("clock"), h("span", {}, t("minutes", scenario), " · ", scenario.languages.map((tag) => LANGUAGES[tag] ?? tag).join(", "))),
  );
}

function preparation(scenario) {
  const submit = (event) => {
    event.preventDefault();
    start(scenario, Object.fromEntries(new FormData(event.target)));
  };
  return h(
    "section",
    { class: "preparation" },
    h("button", { class: "back", type: "button", "data-key": "back", onclick: () => leave(scenario) }, icon("back"), t("all_scenarios")),
    h("div", { class: "card-head" }, face(scenario, state.scenarios.indexOf(scenario)), h("div", { class: "card-names" }, h("h1", { tabindex: -1, "data-key": "preparation" }, scenario.title), partner(scenario))),
    h("p", { class: "lead" }, scenario.summary),
    facts(scenario),
    englishOnlyNote(),
    h(
      "form",
      { class: "panel", onsubmit: submit },
      scenario.form.map(field),
      state.startError ? h("p", { class: "problem", role: "alert" }, state.startError) : null,
      h(
        "button",
        { class: "button primary large", type: "submit", "data-key": "start", disabled: state.isStarting !== false },
        state.isStarting ? t("starting") : t("start"),
      ),
      privacyLine(),
    ),
  );
}

function field(spec) {
  const id = `field-${spec.key}`;
  const remember = (event) => (state.answers[spec.key] = event.target.value);
  const value = state.answers[spec.key];
  const attributes = { id, name: spec.key, required: true, "data-key": id, oninput: remember };
  const input =
    spec.kind === "select"
      ? h(
          "select",
          attributes,
          h("option", { value: "", disabled: true, selected: !value }, t("choose")),
          spec.options.map((option) => h("option", { value: option.key, selected: option.key === value }, option.label)),
        )
      : h("input", { ...attributes, value: value ?? "", maxlength: spec.max_chars, placeholder: spec.hint, autocomplete: "off" });
  return h("label", { class: "field", for: id }, h("span", {}, spec.label), input);
}
