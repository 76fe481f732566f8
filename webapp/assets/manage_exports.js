// Exports: what is wanted, how much that is, the file, and the exports on record.

import { h } from "./dom.js";
import { ask, field, input, menu, number, press, query, stamp, table, words } from "./manage_shared.js";
import { LANGUAGE, t } from "./words.js";

const FORMATS = { conversations: ["jsonl", "parquet"], sft: ["jsonl", "parquet"], preferences: ["jsonl", "parquet"], feedback: ["csv", "jsonl", "parquet"] };
const STATES = ["approved", "edited_approved", "auto_released", "rejected", "pending"];
const wish = { kind: "conversations", format: "jsonl", state: "", scenario: "", language: "", since: "", until: "", redact: true };
let runs = null;
let scenarios = [];
let matching = null;

const chosen = () => ({ state: wish.state, scenario: wish.scenario, language: wish.language, since: wish.since, until: wish.until });

export async function load() {
  const [told, listed, counted] = await Promise.all([ask("GET", "exports"), ask("GET", "scenarios"), ask("GET", `exports/matching?${query({ ...chosen(), kind: wish.kind })}`)]);
  runs = told.items;
  scenarios = listed.items ?? listed;
  matching = counted;
}

export function content(act, draw) {
  if (!runs) return h("p", { class: "quiet" }, words("loading"));
  return [wishes(act), record(act, draw)];
}

function wishes(act) {
  const set = (name) => (value) => {
    wish[name] = value;
    if (!FORMATS[wish.kind].includes(wish.format)) wish.format = FORMATS[wish.kind][0];
    act(load);
  };
  const kinds = Object.keys(FORMATS).map((kind) => [kind, words(`kind_${kind}`)]);
  const languages = new Intl.DisplayNames(LANGUAGE, { type: "language" });
  const any = ["", words("any")];
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("export")),
    h("p", { class: "quiet" }, words(`about_${wish.kind}`)),
    h(
      "div",
      { class: "fields" },
      field(words("kind"), menu("kind", kinds, wish.kind, set("kind"))),
      field(words("format"), menu("format", FORMATS[wish.kind].map((form) => [form, words(`format_${form}`)]), wish.format, set("format"))),
      field(words("state"), menu("state", [["", words("usual")], ...STATES.map((state) => [state, t(`desk.state_${state}`)])], wish.state, set("state"))),
      field(words("scenario"), menu("scenario", [any, ...scenarios.map(({ id, title }) => [id, title])], wish.scenario, set("scenario"))),
      field(words("language"), menu("language", [any, ...["en", "ko"].map((one) => [one, languages.of(one)])], wish.language, set("language"))),
      field(words("since"), input("since", wish.since, set("since"), { type: "date" })),
      field(words("until"), input("until", wish.until, set("until"), { type: "date" })),
    ),
    h("label", { class: "tick" }, h("input", { type: "checkbox", checked: wish.redact, "data-key": "redact", onchange: ({ target }) => set("redact")(target.checked) }), h("span", {}, words("redact"), h("small", { class: "quiet" }, words(wish.redact ? "redact_note" : "no_redact_note")))),
    h(
      "div",
      { class: "fields" },
      h("a", { class: "button primary", "data-key": "download", href: `/api/v1/exports/${wish.kind}?${query({ ...chosen(), format: wish.format, redact: wish.redact })}`, download: "", onclick: () => setTimeout(() => act(load), 1500) }, words("download")),
      h("p", { class: "quiet" }, words("matching", { n: number.format(matching.matching), rows: number.format(matching.counting) })),
    ),
  );
}

function record(act) {
  const columns = ["when", "who", "what", "rows", "left_out", "outcome"];
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, words("record")),
    table(columns.map((name) => words(name)), runs.map(row), words("no_exports")),
    h("div", {}, press("refresh", words("refresh"), () => act(load))),
  );
}

function row(run) {
  const kind = { complete: "good", broken: "bad" }[run.outcome] ?? "";
  const left = Object.entries(run.left_out).map(([reason, n]) => h("li", {}, `${number.format(n)} ${words(`left_${reason}`)}`));
  const filter = Object.entries(run.filter).map(([name, value]) => `${name} ${value}`);
  return h(
    "tr",
    {},
    h("td", {}, stamp(run.began_at)),
    h("td", {}, run.by),
    h("td", {}, words(`kind_${run.kind}`), h("small", { class: "quiet" }, [run.format, run.redacted ? words("was_redacted") : words("not_redacted"), ...filter].join(" · "))),
    h("td", {}, run.rows === null ? "–" : words("rows_of", { n: number.format(run.rows), of: number.format(run.considered) })),
    h("td", {}, left.length ? h("ul", {}, left) : "–"),
    h("td", {}, h("span", { class: `state ${kind}` }, words(`outcome_${run.outcome}`)), run.sha256 ? h("small", { class: "quiet", title: run.sha256 }, `SHA-256 ${run.sha256.slice(0, 12)}…`) : null),
  );
}
