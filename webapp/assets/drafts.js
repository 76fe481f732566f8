// What was typed and not sent, and what was sent without hearing that it arrived: per conversation, in this browser.
// Storage may be switched off; then there are no drafts, and everything else works.

const draftKey = (id) => `debrief-draft-${id}`;
const sendingKey = (id) => `debrief-sending-${id}`;

export const saveDraft = (id, text) => keep(() => localStorage, draftKey(id), text);
export const draftOf = (id) => read(() => localStorage, draftKey(id)) ?? "";

export function forgetDraft(id) {
  saveDraft(id, "");
  forgetSending(id);
}

/**
 * A sending `{text, requestId, turns}` of this tab that may or may not have arrived; `turns` is how many messages of
 * the visitor's were there before. A reload between the two must not send it twice.
 */
export const keepSending = (id, sending) => keep(() => sessionStorage, sendingKey(id), JSON.stringify(sending));
export const forgetSending = (id) => keep(() => sessionStorage, sendingKey(id), "");

export function sendingOf(id) {
  try {
    return JSON.parse(read(() => sessionStorage, sendingKey(id)) ?? "null");
  } catch {
    return null;
  }
}

/** A debrief that a reviewer is writing over: `{version_n, base, edit}` as webapp/assets/desk_edit.js has them. */
export const editDraft = {
  keep: (id, draft) => keep(() => localStorage, `debrief-edit-${id}`, JSON.stringify(draft)),
  forget: (id) => keep(() => localStorage, `debrief-edit-${id}`, ""),
  read(id) {
    try {
      return JSON.parse(read(() => localStorage, `debrief-edit-${id}`) ?? "null");
    } catch {
      return null;
    }
  },
};

/** A reviewer's note about a debrief, per `kind` such as "reject", until it is sent. Of this tab: signing in anew keeps it. */
export const noteDraft = {
  keep: (kind, id, text) => keep(() => sessionStorage, `debrief-note-${kind}-${id}`, text),
  forget: (kind, id) => keep(() => sessionStorage, `debrief-note-${kind}-${id}`, ""),
  read: (kind, id) => read(() => sessionStorage, `debrief-note-${kind}-${id}`) ?? "",
};

function keep(store, key, text) {
  try {
    if (text) store().setItem(key, text);
    else store().removeItem(key);
  } catch {
    // Switched off, or full.
  }
}

function read(store, key) {
  try {
    return store().getItem(key);
  } catch {
    return null;
  }
}
