// Tokens with which a visitor's own programs act for them: made, shown once, listed, revoked.

import { call } from "./api.js";
import { copyable } from "./copyable.js";
import { h } from "./dom.js";
import { change, state } from "./state.js";
import { day, t } from "./words.js";

export async function refreshTokens() {
  try {
    const { items } = await call("GET", "me/tokens");
    change({ tokens: { ...state.tokens, items } });
  } catch (error) {
    change({ tokens: { ...state.tokens, error: error.message } });
  }
}

export function programs() {
  const { items = [], made, error } = state.tokens;
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("tokens_title")),
    h("p", {}, t("tokens_lead")),
    error ? h("p", { class: "problem", role: "alert" }, error) : null,
    made ? h("div", { class: "made", role: "status" }, h("p", {}, t("token_made", { label: made.label })), copyable("token", made.label, made.token)) : null,
    items.length ? h("ul", { class: "tokens" }, items.map(line)) : null,
    form(),
  );
}

function line({ id, label, created_at: made, used_at: used }) {
  return h(
    "li",
    {},
    h("span", {}, h("b", {}, label), h("small", {}, t("token_made_on", { day: day(made) }), " · ", used ? t("token_used_on", { day: day(used) }) : t("token_never_used"))),
    h("button", { class: "button small", type: "button", "data-key": `revoke-${id}`, "aria-label": t("token_revoke_this", { label }), onclick: () => revoke(id) }, t("token_revoke")),
  );
}

function form() {
  const submit = (event) => {
    event.preventDefault();
    make(new FormData(event.target).get("label"));
  };
  return h(
    "form",
    { class: "token-form", onsubmit: submit },
    h("input", { name: "label", required: true, maxlength: 60, autocomplete: "off", placeholder: t("token_label"), "aria-label": t("token_label"), "data-key": "token-label", value: state.tokens.label ?? "", oninput: (event) => (state.tokens.label = event.target.value) }),
    h("button", { class: "button", type: "submit", "data-key": "make-token" }, t("token_make")),
  );
}

async function make(label) {
  try {
    const made = await call("POST", "me/tokens", { body: { label } });
    change({ tokens: { items: state.tokens.items, made } });
  } catch (error) {
    change({ tokens: { ...state.tokens, error: error.message } });
  }
  refreshTokens();
}

async function revoke(id) {
  try {
    await call("DELETE", `me/tokens/${id}`);
    const { made } = state.tokens;
    change({ tokens: { items: state.tokens.items, made: made?.id === id ? null : made } });
  } catch (error) {
    change({ tokens: { ...state.tokens, error: error.message } });
  }
  refreshTokens();
}
