// One line while the model server starts or is down. Reading goes on meanwhile.

import { h } from "./dom.js";
import { state } from "./state.js";
import { duration, t } from "./words.js";

/** How long it has been in this state, counted on between two frames. */
export const modelSeconds = () => Math.round(state.model.since_s + (Date.now() - state.model.heardAt) / 1000);

export function modelBanner() {
  if (!state.isConnected) return h("p", { class: "banner", role: "status" }, h("span", { class: "spinner" }), h("span", {}, t("reconnecting")));
  if (!state.model || state.model.state === "ready") return null;
  if (state.model.state === "down") return h("p", { class: "banner bad", role: "status" }, t("model_down"));
  return h("p", { class: "banner", role: "status" }, h("span", { class: "spinner" }), h("span", {}, t("model_starting", { time: duration(modelSeconds()) })));
}
