// The bar above the plots of the review. The plots are Gradio's own; their words come from Python.

import { h, show } from "./dom.js";
import { t } from "./words.js";

function mount({ name, element }) {
  if (name !== "plots-bar") return;
  const bar = h("header", { class: "desk-bar" }, h("h1", {}, t("plots.title")), h("span", { class: "desk-bar-space" }), h("a", { class: "desk-link", href: "/admin/" }, t("desk.title")), h("a", { class: "desk-link", href: "/" }, t("desk.practice")));
  show(element.querySelector(".slot") ?? element, bar);
}

const early = window.debriefSlots ?? [];
window.debriefSlots = { push: mount };
early.forEach(mount);
