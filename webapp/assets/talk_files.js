// Talks as files: saving them is a link, bringing them back a chosen or dropped file.

import { openConversation } from "./actions.js";
import { call } from "./api.js";
import { h } from "./dom.js";
import { change, state } from "./state.js";
import { refreshList } from "./talk_list.js";
import { t } from "./words.js";

const REQUEST_MAX = 3 * 1024 * 1024; // bytes; the server takes 4 MB
const TALKS_MAX = 500;

export const exportLink = (id, format) => new URL(`api/v1/conversations/${id}/export?format=${format}`, document.baseURI).href;
export const exportAllLink = () => new URL("api/v1/export/conversations", document.baseURI).href;

/** Let the visitor choose files. The field must be in the page as long as the choosing takes. */
export function chooseFiles() {
  const field = h("input", { type: "file", accept: ".json,application/json", multiple: true, hidden: true });
  field.addEventListener("change", () => {
    bring([...field.files]);
    field.remove();
  });
  document.body.append(field);
  field.click();
}

/** Files can be dropped anywhere on the page. */
export function takeDroppedFiles() {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const hide = () => document.body.classList.remove("dropping");
  document.body.append(h("div", { id: "drop-here", class: "slot", "aria-hidden": "true" }, h("p", {}, t("drop_here"))));
  addEventListener("dragenter", (event) => hasFiles(event) && document.body.classList.add("dropping"));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("dragleave", (event) => !event.relatedTarget && hide());
  addEventListener("drop", (event) => {
    hide();
    if (!hasFiles(event)) return;
    event.preventDefault();
    bring([...event.dataTransfer.files]);
  });
}

async function bring(files) {
  if (files.length === 0 || state.isBringing) return;
  const ids = [];
  try {
    for (const file of files) {
      const requests = inRequests(await file.text());
      for (const [at, body] of requests.entries()) {
        change({ isBringing: { done: ids.length } });
        const options = typeof body === "string" ? { raw: body } : { body };
        ids.push(...(await call("POST", "import/talks", options)).ids);
        if (at < requests.length - 1) refreshList();
      }
    }
    change({ notice: { words: ids.length === 1 ? t("brought_one") : t("brought_many", { count: ids.length }) } });
  } catch (error) {
    const words = ids.length ? `${t("brought_many", { count: ids.length })} ${error.message}` : error.message;
    change({ notice: { words, isProblem: true } });
  } finally {
    change({ isBringing: null });
  }
  refreshList();
  if (ids.length === 1) openConversation(ids[0], { push: true });
}

/** What the server takes in one request each: the file as it is, or some talks at a time of a large one. */
function inRequests(text) {
  if (new Blob([text]).size <= REQUEST_MAX) return [text];
  const file = parsed(text);
  if (!Array.isArray(file?.talks)) return [text];
  const { talks, ...head } = file;
  const requests = [];
  let some = [];
  let size = 0;
  for (const talk of talks) {
    const own = new Blob([JSON.stringify(talk)]).size;
    if (some.length && (size + own > REQUEST_MAX || some.length === TALKS_MAX)) {
      requests.push({ ...head, talks: some });
      [some, size] = [[], 0];
    }
    some.push(talk);
    size += own;
  }
  return [...requests, { ...head, talks: some }];
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the server says what is wrong with it
  }
}
