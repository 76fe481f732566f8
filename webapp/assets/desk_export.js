// Taking away as a file what the filters of the list admit, for admins: which kind and form, how many that is, the file.

import { CallFailed, call } from "./api.js";
import { desk, lookAgain, words } from "./desk_shared.js";
import { queryOf } from "./desk_view.js";
import { h } from "./dom.js";
import { LANGUAGE, t } from "./words.js";

const FORMATS = { conversations: ["jsonl", "parquet"], sft: ["jsonl", "parquet"], preferences: ["jsonl", "parquet"], feedback: ["csv", "jsonl", "parquet"] };
const NUMBER = new Intl.NumberFormat(LANGUAGE);

export const mayExport = () => desk.facts.me.is_admin;

/** The filters and the states of the tab; an order means nothing to a file. */
function filters(more) {
  const query = queryOf();
  query.delete("sort");
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return query;
}

export function openExport() {
  const wish = { kind: "feedback", format: "csv", redact: true };
  const kind = menu("export-kind", "kind", Object.keys(FORMATS), (one) => t(`manage.kind_${one}`));
  const format = menu("export-format", "format", FORMATS[wish.kind], (one) => t(`manage.format_${one}`));
  const about = h("p", { class: "quiet" });
  const counted = h("p", { role: "status" });
  const redact = h("input", { type: "checkbox", checked: true, "data-key": "export-redact" });
  const download = h("a", { class: "button primary", "data-key": "export-download", download: "" }, t("manage.download"));
  const close = h("button", { class: "button", type: "button", onclick: () => sheet.close() }, words("close"));
  const sheet = h(
    "dialog",
    { class: "desk-keys desk-export slot", "aria-label": t("manage.export") },
    h("p", {}, words("export_ask")),
    h("div", { class: "desk-assign" }, kind.label, format.label),
    about,
    h("label", { class: "desk-export-redact" }, redact, t("manage.redact")),
    counted,
    h("p", { class: "quiet" }, words("export_record"), " ", h("a", { class: "desk-link", href: "/admin/manage/#exports" }, t("manage.record"))),
    h("div", { class: "desk-bulk-buttons" }, close, download),
  );
  kind.select.addEventListener("change", () => {
    wish.kind = kind.select.value;
    [wish.format] = FORMATS[wish.kind];
    format.select.replaceChildren(...options(FORMATS[wish.kind], (one) => t(`manage.format_${one}`), wish.format));
    preview();
  });
  format.select.addEventListener("change", () => {
    wish.format = format.select.value;
    preview();
  });
  redact.addEventListener("change", () => {
    wish.redact = redact.checked;
    preview();
  });
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
  preview();

  /** How many that is; the file can be had once this is known and not nothing. */
  async function preview() {
    const asked = { ...wish };
    about.textContent = t(`manage.about_${wish.kind}`);
    download.removeAttribute("href");
    download.setAttribute("aria-disabled", "true");
    counted.textContent = words("export_counting");
    try {
      const { matching, counting } = await call("GET", `/api/v1/exports/matching?${filters({ kind: asked.kind })}`, { language: LANGUAGE });
      if (asked.kind !== wish.kind || asked.format !== wish.format || asked.redact !== wish.redact) return; // chosen anew meanwhile
      counted.textContent = words(counting ? "export_count" : "export_none", { n: NUMBER.format(matching), rows: NUMBER.format(counting) });
      if (!counting) return;
      download.href = `/api/v1/exports/${asked.kind}?${filters({ format: asked.format, redact: asked.redact })}`;
      download.removeAttribute("aria-disabled");
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      sheet.close();
      lookAgain({ kind: "bad", text: error.message });
    }
  }

  function menu(key, name, values, said) {
    const select = h("select", { "data-key": key }, options(values, said, wish[name]));
    return { select, label: h("label", {}, h("span", {}, t(`manage.${name}`)), select) };
  }
}

const options = (values, said, chosen) => values.map((value) => h("option", { value, selected: value === chosen }, said(value)));
