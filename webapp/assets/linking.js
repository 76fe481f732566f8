// The private link: made on "Your data", opened in another browser, where it asks before it does anything.
//
// Its token stands in the fragment, which browsers send to no server, and leaves the address as soon as it was read.

import { go, NOTHING_OPEN } from "./actions.js";
import { call } from "./api.js";
import { copyable } from "./copyable.js";
import { h } from "./dom.js";
import { beginAnew } from "./leaving.js";
import { change, state } from "./state.js";
import { clock, t } from "./words.js";

const FRAGMENT = /^#link=([\w-]{20,200})$/;

/** Whether the address was a private link; then it is asked about, and is no address any more. */
export function takeLink() {
  const [, token] = FRAGMENT.exec(location.hash) ?? [];
  if (!token) return false;
  history.replaceState(null, "", location.pathname);
  go({ view: "data" }, false);
  change({ ...NOTHING_OPEN, view: "mine", linked: { token } });
  return true;
}

export function offered() {
  const { linked } = state;
  if (!linked) return null;
  const yes = h("button", { class: "button primary", type: "button", "data-key": "link-yes", disabled: Boolean(linked.isAtWork), onclick: use }, t("link_use"));
  const no = h("button", { class: "button", type: "button", "data-key": "link-no", disabled: Boolean(linked.isAtWork), onclick: () => change({ linked: null }) }, t("cancel"));
  return h(
    "section",
    { class: "panel offered", role: "alertdialog", "aria-labelledby": "link-question" },
    h("h2", { id: "link-question" }, t("link_question")),
    h("p", {}, t("link_what_happens")),
    linked.error ? h("p", { class: "problem", role: "alert" }, linked.error) : null,
    h("div", { class: "row" }, yes, no),
  );
}

async function use() {
  const { token } = state.linked;
  change({ linked: { token, isAtWork: true } });
  try {
    await call("POST", "me/link/use", { body: { token } });
    beginAnew();
  } catch (error) {
    change({ linked: { token, error: error.message } });
  }
}

export function otherDevice() {
  const { link } = state;
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("link_title")),
    h("p", {}, t("link_lead")),
    link?.error ? h("p", { class: "problem", role: "alert" }, link.error) : null,
    link?.address
      ? [copyable("link", t("link_title"), link.address), h("p", { class: "quiet" }, t("link_good_until", { time: clock(link.expiresAt) }))]
      : h("div", { class: "row" }, h("button", { class: "button", type: "button", "data-key": "make-link", disabled: Boolean(link?.isAtWork), onclick: make }, t("link_make"))),
  );
}

async function make() {
  change({ link: { isAtWork: true } });
  try {
    const { token, expires_at: expiresAt } = await call("POST", "me/link");
    const address = new URL(".", document.baseURI);
    address.hash = `link=${token}`;
    change({ link: { address: address.href, expiresAt } });
  } catch (error) {
    change({ link: { error: error.message } });
  }
}
