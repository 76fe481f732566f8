// What changed in one field of a debrief, word by word, as GET /api/v1/review/…/difference and …/corrections tell it.

import { h } from "./dom.js";
import { t } from "./words.js";

const WITHOUT_LEVEL = ["not_observed", "unscored"];

/** One section of a difference; `beside`: older and newer in two columns. */
export function sectionView(section, beside = false) {
  const text = (ops) => h("p", {}, section.pieces.filter((piece) => ops.includes(piece.op)).map((piece) => pieceView(said(section.field, piece))));
  return h(
    "section",
    { class: `difference-section ${section.change}` },
    h("h4", {}, nameOf(section), h("small", {}, t(`desk.change_${section.change}`))),
    beside ? h("div", { class: "difference-two" }, text(["same", "out"]), text(["same", "in"])) : text(["same", "out", "in"]),
  );
}

/** "Structure · Level", "Strengths 2 · Why it worked", "Summary". */
function nameOf({ path, about, field }) {
  const list = path.startsWith("strengths.") ? t("strengths") : path.startsWith("improvements.") ? t("improvements") : null;
  return [list ? `${list} ${about}` : about, t(`desk.field_${field}`)].filter(Boolean).join(" · ");
}

const pieceView = ({ op, text }) => (op === "same" ? text : h(op === "out" ? "del" : "ins", {}, text));

/** A criterion without a level has the word for why in the place of the level. */
const said = (field, piece) => (field === "level" && WITHOUT_LEVEL.includes(piece.text.trim()) ? { ...piece, text: t(piece.text.trim()) } : piece);
