// The visitor's account: made on "Your data" for the talks that are there, signed in to elsewhere, signed out of.
//
// Whatever changes who this browser is reads the page afresh; what is to be said of it is said there, once.

import { call } from "./api.js";
import { focusSoon, h } from "./dom.js";
import { beginAnew, goMyself } from "./leaving.js";
import { refreshMine, showMine } from "./mine.js";
import { providerButton, providerHint, returnedProblem } from "./provider.js";
import { change, state } from "./state.js";
import { FACTS } from "./texts.js";
import { t } from "./words.js";

const SAID = "debrief-said";
const SIGNED_IN = "debrief-signed-in";

export const account = () => state.me?.visitor_account ?? null;

/** In the foot of the list: the way in, or who is in. */
export function accountLink() {
  if (!state.me) return null;
  const words = account() ? t("account_foot", account()) : t("account_sign_in");
  return h("button", { class: "quiet-link account-link", type: "button", "data-key": "account", onclick: open }, words);
}

async function open() {
  showMine({ push: true });
  if (account()) return;
  change({ account: { ...state.account, mode: "in", error: null } });
  focusSoon("account-name");
}

export function accountPanel() {
  if (!state.me) return null;
  return h("section", { class: "panel account", "data-key": "account-panel" }, account() ? inside() : outside());
}

// ---- signed in --------------------------------------------------------------------------------------------------

function inside() {
  const { isChanging, isAtWork, error } = state.account;
  return [
    h("h2", {}, t("account_title")),
    h("p", {}, signedInWords()),
    isChanging ? passwordForm() : [
      problem(error),
      h(
        "div",
        { class: "row" },
        button("account-out", "account_sign_out", () => signOut(false), isAtWork),
        account().has_password ? button("account-change", "account_change_password", () => startChanging(), isAtWork) : null,
        account().has_provider ? null : providerButton("provider_add"),
        button("account-out-everywhere", "account_sign_out_everywhere", () => signOut(true), isAtWork),
      ),
      h("p", { class: "quiet" }, t("account_sign_out_what")),
    ],
  ];
}

function signedInWords() {
  const { name, has_password: hasPassword, has_provider: hasProvider } = account();
  const values = { name, provider: FACTS.provider ?? t("provider_unnamed") };
  if (!hasProvider) return t("account_signed_in", values);
  return t(hasPassword ? "account_signed_in_both" : "account_signed_in_provider", values);
}

const button = (key, words, onclick, disabled) => h("button", { class: "button", type: "button", "data-key": key, onclick, disabled: Boolean(disabled) }, t(words));

function startChanging() {
  change({ account: { isChanging: true } });
  focusSoon("account-password");
}

function passwordForm() {
  const { isAtWork, error } = state.account;
  return h(
    "form",
    { class: "account-form", onsubmit: submitting(changePassword) },
    // For whatever keeps passwords: of which name this is one.
    h("input", { type: "text", name: "username", autocomplete: "username", value: account().name, hidden: true, readonly: true, tabindex: "-1", "aria-hidden": "true" }),
    passwordField("password", "account_old_password", "current-password"),
    passwordField("newPassword", "account_new_password", "new-password", "account_password_help"),
    h("p", { class: "quiet" }, t("account_change_what")),
    problem(error),
    h(
      "div",
      { class: "row" },
      h("button", { class: "button primary", type: "submit", "data-key": "account-submit", disabled: Boolean(isAtWork) }, t("account_change_password")),
      button("account-cancel", "cancel", () => change({ account: {} }), isAtWork),
    ),
  );
}

const changePassword = ({ password, newPassword }) =>
  goOver(() => call("PUT", "me/account/password", { body: { password, new_password: newPassword } }), () => t("account_password_changed"));

const signOut = (everywhere) =>
  goOver(
    async () => {
      await call("POST", "me/account/sign-out", { body: { everywhere } });
      remember(false);
    },
    () => t(everywhere ? "account_left_everywhere" : "account_left"),
  );

// ---- not signed in ----------------------------------------------------------------------------------------------

function outside() {
  const { mode = "up", isAtWork, error } = state.account;
  const isIn = mode === "in";
  const other = () => {
    change({ account: { ...state.account, mode: isIn ? "up" : "in", error: null } });
    focusSoon("account-name");
  };
  return [
    h("h2", {}, t(isIn ? "account_sign_in_title" : "account_keep_title")),
    h("p", {}, t(isIn ? "account_sign_in_lead" : "account_lead"), isIn && state.listTotal ? ` ${t("account_come_along")}` : null),
    FACTS.provider ? [providerHint(), h("div", { class: "row" }, providerButton()), h("p", { class: "quiet account-or" }, t("provider_or"))] : null,
    h(
      "form",
      { class: "account-form", onsubmit: submitting(isIn ? signIn : signUp) },
      nameField(isIn),
      passwordField("password", "account_password", isIn ? "current-password" : "new-password", isIn ? null : "account_password_help"),
      isIn ? null : h("p", { class: "quiet" }, t("account_no_mail")),
      problem(error),
      h(
        "div",
        { class: "row" },
        h("button", { class: "button primary", type: "submit", "data-key": "account-submit", disabled: Boolean(isAtWork) }, t(isIn ? "account_sign_in" : "account_make")),
        h("button", { class: "link", type: "button", "data-key": "account-mode", onclick: other }, t(isIn ? "account_has_none" : "account_has_one")),
      ),
    ),
  ];
}

async function signUp({ name, password }) {
  change({ account: { ...state.account, isAtWork: true, error: null } });
  try {
    const made = await call("POST", "me/account", { body: { name, password } });
    remember(true);
    change({ me: await call("GET", "me"), account: {}, notice: { words: t("account_made", made) } });
    focusSoon("account-out");
    refreshMine();
  } catch (error) {
    refused(error);
  }
}

const signIn = ({ name, password }) =>
  goOver(
    () => call("POST", "me/account/sign-in", { body: { name, password } }),
    ({ talks }) => welcome(name, talks),
  );

const welcome = (name, talks) => t(["account_welcome", "account_welcome_one"][talks] ?? "account_welcome_many", { name, count: talks });

// ---- parts of the forms -----------------------------------------------------------------------------------------

const problem = (words) => (words ? h("p", { class: "problem", role: "alert" }, words) : null);

function nameField(isIn) {
  const field = h("input", { id: "account-name", name: "username", type: "text", required: true, maxlength: 60, autocomplete: "username", autocapitalize: "none", spellcheck: "false", "data-key": "account-name", value: state.account.name ?? "", oninput: () => (state.account.name = field.value) });
  return h("div", { class: "account-field" }, h("label", { for: "account-name" }, t("account_name")), field, isIn ? null : h("small", {}, t("account_name_help")));
}

function passwordField(of, words, autocomplete, help = null) {
  const id = of === "password" ? "account-password" : "account-new-password";
  const isShown = Boolean(state.account.isShown);
  const field = h("input", { id, name: of, type: isShown ? "text" : "password", required: true, maxlength: 1000, autocomplete, autocapitalize: "none", spellcheck: "false", "data-key": id, value: state.account[of] ?? "", oninput: () => (state.account[of] = field.value) });
  const eye = h("button", { class: "link small", type: "button", "data-key": `${id}-show`, "aria-pressed": String(isShown), "aria-controls": id, onclick: () => change({ account: { ...state.account, isShown: !isShown } }) }, t(isShown ? "account_hide" : "account_show"));
  return h("div", { class: "account-field" }, h("div", { class: "account-label" }, h("label", { for: id }, t(words)), eye), field, help ? h("small", {}, t(help)) : null);
}

const submitting = (act) => (event) => {
  event.preventDefault();
  if (!state.account.isAtWork) act({ name: state.account.name ?? "", password: state.account.password ?? "", newPassword: state.account.newPassword ?? "" });
};

const refused = (error) => change({ account: { ...state.account, isAtWork: false, error: error.message } });

// ---- becoming somebody else -------------------------------------------------------------------------------------

async function goOver(act, wordsFor) {
  change({ account: { ...state.account, isAtWork: true, error: null } });
  goMyself(true);
  try {
    keep(SAID, wordsFor(await act()));
    beginAnew();
  } catch (error) {
    goMyself(false);
    refused(error);
  }
}

/** When the page knows who it is: what is left to be said, also that this browser was signed out from another. */
export function sayWhatHappened() {
  const words = take(SAID);
  const wasEnded = !account() && isRemembered();
  if (state.returned) sayHowItWent(state.returned);
  else if (words) change({ notice: { words } });
  else if (wasEnded) change({ notice: { words: t("account_was_ended"), isProblem: true } });
  remember(Boolean(account()));
}

/** Back from the provider. */
function sayHowItWent({ kind, told }) {
  change({ returned: null });
  if (kind === "problem") change({ account: { mode: "in", error: returnedProblem(told) } });
  else if (account()) change({ notice: { words: told === "new" ? t("account_made", account()) : welcome(account().name, Number(told)) } });
}

function keep(key, words) {
  try {
    sessionStorage.setItem(key, words);
  } catch {
    // Switched off: then the page alone shows it.
  }
}

function take(key) {
  try {
    const words = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return words;
  } catch {
    return null;
  }
}

function remember(isIn) {
  try {
    if (isIn) localStorage.setItem(SIGNED_IN, "1");
    else localStorage.removeItem(SIGNED_IN);
  } catch {
    // As above.
  }
}

function isRemembered() {
  try {
    return localStorage.getItem(SIGNED_IN) !== null;
  } catch {
    return false;
  }
}
