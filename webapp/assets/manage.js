// The management page: tabs, the part that is open, and what is said of the last thing that was done.

import { h, show } from "./dom.js";
import * as audit from "./manage_audit.js";
import * as exports from "./manage_exports.js";
import * as people from "./manage_people.js";
import { words } from "./manage_shared.js";
import * as webhooks from "./manage_webhooks.js";
import { t } from "./words.js";

const TABS = { people, exports, webhooks, audit };
let root = null;
let said = null; // {kind, text}

const chosen = () => (location.hash.slice(1) in TABS ? location.hash.slice(1) : "people");

/** Do something, say what came of it, draw anew. */
async function act(work, done = null) {
  said = null;
  try {
    const text = await work();
    if (done ?? text) said = { kind: "good", text: done ?? text };
  } catch (error) {
    said = { kind: "bad", text: error.message };
  }
  draw();
}

function draw() {
  const tab = chosen();
  show(
    root,
    h(
      "div",
      { class: "system manage" },
      h("header", { class: "desk-bar" }, h("h1", {}, words("title")), h("span", { class: "desk-bar-space" }), h("a", { class: "desk-link", href: "/admin/" }, t("desk.title")), h("a", { class: "desk-link", href: "/admin/system/" }, t("system.title"))),
      h("nav", { class: "tabs", "aria-label": words("title") }, Object.keys(TABS).map((name) => h("a", { href: `#${name}`, "data-key": `tab-${name}`, "aria-current": name === tab ? "page" : null }, words(`tab_${name}`)))),
      h("div", { role: "status" }, said ? h("p", { class: said.kind === "bad" ? "problem" : "desk-good" }, said.text) : null),
      TABS[tab].content(act, draw),
    ),
  );
}

async function open() {
  said = null;
  draw();
  await act(() => TABS[chosen()].load());
}

function mount({ name, element }) {
  if (name !== "manage") return;
  root = element.querySelector(".slot") ?? element;
  open();
}

const early = window.debriefSlots ?? [];
window.debriefSlots = { push: mount };
early.forEach(mount);
addEventListener("hashchange", open);
