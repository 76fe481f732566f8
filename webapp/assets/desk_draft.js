// What this reviewer wrote over and did not save. Two who share a browser do not find each other's.

import { desk } from "./desk_shared.js";
import { editDraft } from "./drafts.js";

const own = (id) => `${desk.facts.me.name}-${id}`;

export const ownDraft = {
  keep: (id, draft) => editDraft.keep(own(id), draft),
  forget: (id) => editDraft.forget(own(id)),
  read: (id) => editDraft.read(own(id)),
};
