// Why two levels may not be compared, in words.

import { t } from "./words.js";

const NAMES = {
  rubric: "different_rubric",
  prompt: "different_prompt",
  schema: "different_schema",
  model: "different_model",
  manner: "different_manner",
  language: "different_language",
};

/** "the model, the language" for the API's names of what differs. */
export const differenceWords = (names) => names.map((name) => t(NAMES[name])).join(", ");
