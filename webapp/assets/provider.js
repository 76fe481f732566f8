// Signing in with the provider, such as Hugging Face: the way there, and what is said on the way back.
//
// Its page refuses to stand in a frame, and cookies of a frame are not those of a tab: where this page is framed, as on
// a Space, a tab of our own is opened first, with the private link to the talks that are here.

import { NOTHING_OPEN } from "./actions.js";
import { call } from "./api.js";
import { h } from "./dom.js";
import { change, state } from "./state.js";
import { FACTS, TEXTS } from "./texts.js";
import { LANGUAGE, t } from "./words.js";

const RETURNED = /^#(come|problem)=([a-z_0-9]+)$/;
const isFramed = window.top !== window.self;

/** Whether the address told how signing in went; it is no address any more then. */
export function takeReturn() {
  const [, kind, told] = RETURNED.exec(location.hash) ?? [];
  if (!kind) return false;
  history.replaceState(null, "", location.pathname + location.search);
  change({ ...NOTHING_OPEN, view: "start", returned: { kind, told } });
  return true;
}

/** What went wrong, in words. Only what we know is said: an address can be made by anybody. */
export const returnedProblem = (told) => TEXTS[LANGUAGE][`error.${told}`] ?? TEXTS[LANGUAGE]["error.login_refused"];

export function providerButton(words = "provider_sign_in", key = "provider") {
  if (!FACTS.provider) return null;
  const { isAtWork } = state.account;
  return h("button", { class: "button", type: "button", "data-key": key, disabled: Boolean(isAtWork), onclick: isFramed ? openTab : goThere }, t(isFramed ? "provider_own_tab" : words, { provider: FACTS.provider }));
}

export const providerHint = () => (FACTS.provider && isFramed ? h("p", { class: "quiet" }, t("provider_framed", { provider: FACTS.provider })) : null);

async function goThere() {
  change({ account: { ...state.account, isAtWork: true, error: null } });
  try {
    const { address } = await call("POST", "me/account/provider");
    location.assign(address);
  } catch (error) {
    change({ account: { ...state.account, isAtWork: false, error: error.message } });
  }
}

/** Opened at once: a browser lets a page open a tab only while it is being clicked. */
async function openTab() {
  const tab = window.open("", "_blank");
  const address = new URL(".", document.baseURI);
  address.searchParams.set("view", "data");
  try {
    if (state.listTotal) address.hash = `link=${(await call("POST", "me/link")).token}`;
    if (tab) tab.location.href = address.href;
  } catch (error) {
    tab?.close();
    change({ account: { ...state.account, error: error.message } });
  }
}
