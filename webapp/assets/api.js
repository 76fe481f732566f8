// Asking our own routes. The cookie says who asks; Accept-Language says in which language to answer.

import { t } from "./words.js";

/**
 * What went wrong, in a sentence for the person. `code` is the API's; "offline" when the server was not reached.
 * `where`: the path of the field that was refused, where it was one of several.
 * `retryAfterS`: the seconds after which trying again makes sense, 0 where nothing is said of it.
 */
export class CallFailed extends Error {
  constructor(code, message, status, retryAfterS = 0, where = null) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfterS = retryAfterS;
    this.where = where;
  }
}

/** A path from the root is taken as it is: the pages below /admin have another base. */
const address = (path) => new URL(path.startsWith("/") ? path : `api/v1/${path}`, document.baseURI);

/** Ask a route and return its JSON; `raw` is a body that is JSON already. `signal` calls it off. Throws CallFailed. */
export async function call(method, path, { body, language, signal, raw } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined || raw !== undefined) headers["Content-Type"] = "application/json";
  if (language) headers["Accept-Language"] = language;
  let response;
  try {
    response = await fetch(address(path), {
      method,
      headers,
      body: body === undefined ? raw : JSON.stringify(body),
      signal,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch {
    throw new CallFailed("offline", t("offline"), 0);
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    answer = null;
  }
  if (!response.ok) {
    throw new CallFailed(answer?.code ?? "unreadable", answer?.message ?? t("unreadable_answer"), response.status, Number(response.headers.get("Retry-After") ?? 0), answer?.where ?? null);
  }
  return answer;
}

export const LIVE = () => address("live");

/** A fresh id for one sending; works on plain http too, where crypto.randomUUID does not exist. */
export function newRequestId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
