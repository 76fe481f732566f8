// What the page knows, and the one place where it changes. Everything here can be read again from the server.

export const state = {
  view: "start", // or "talk", "compare", "progress", "mine": what the address says (actions.js)
  me: null,
  model: null, // {state, since_s, heardAt}
  isConnected: true,

  scenarios: null,
  scenariosError: null,
  talkLanguage: null,
  chosenScenario: null,
  answers: {},
  isStarting: false,
  startError: null,

  list: null, // what was read of it so far, the talk touched last first
  listNext: null, // where the next slice begins, null at the end
  listTotal: 0,
  listRange: "", // which blocks of it are drawn: see conversations.js
  listError: null,
  isLoadingMore: false,
  moreError: null,
  renaming: null,
  renameError: null,
  openMenu: null, // the talk whose menu is open
  isManaging: false, // the menu of the whole list
  isAskingAll: false, // whether all talks are to be deleted
  isBringing: null, // {done, of} while talks come from a file
  deletions: [], // what can be undone, the newest first
  search: null, // {text, items, next, isAsking, error}
  notice: null, // {deletion, wasOpen} or {words, isProblem}: see notice.js

  conversation: null, // {id, title, scenario, language, ...}
  messages: [], // the active path
  missing: null, // the sentence for a link that leads nowhere
  sending: null, // {text, requestId, turns}: see drafts.js
  sendError: null, // the same with {isTyped, message, canWait}: canWait is whether the same text may be taken a little later
  hint: null,
  shownFrom: 0, // the place of the first message that is painted: long talks show their newest ones (windows.js)
  details: null, // the id of the answer whose details are open
  rating: null, // {id, value, reasons, comment, isSending, error} while reasons are asked for
  copied: null, // the id of the message that was copied just now
  editing: null, // {id, text, isSending, error} while a message is said anew
  growing: new Map(), // answer id -> Growing

  feedback: null, // the debrief on the page
  feedbacks: [], // all of the open talk, newest first
  earlierFeedback: null, // the id of the one chosen instead of the newest
  feedbackError: null,
  askError: null, // why a debrief was refused, for beside the button
  disputing: null, // {feedbackId, path, comment, isSending, error} while an objection is being written
  notificationAnswer: null, // what the visitor answered the browser just now
  isAskingFeedback: false,

  pane: "talk", // or "debrief": which of the two a narrow screen shows (panes.js)
  wrappingUp: false, // asked whether so little is enough for a debrief (wrap_up.js)

  again: null, // {key, isStarting, error} of the button "try again from here" that was pressed
  moment: null, // what the open talk tries again: {of, said, hints, hasDebrief}
  comparing: null, // the id of the debrief that is compared
  comparison: null,
  comparisonError: null,
  progress: null,
  progressError: null,

  mine: null, // what is kept of the visitor, in numbers
  mineError: null,
  leaving: null, // {isAsked, isAtWork, error} on the way to deleting everything
  link: null, // the private link that was made: {address, expiresAt}, or {isAtWork}, or {error}
  linked: null, // the private link that was opened: {token, isAtWork, error}
  tokens: {}, // for programs: {items, made, error, label}
  account: {}, // the forms of the visitor's account: {mode, name, password, newPassword, isShown, isChanging, isAtWork, error}
  returned: null, // {kind, told}: how signing in with the provider went, to be said once
  left: null, // what was deleted, in numbers, to be told once
};

const watchers = new Set();
let isDue = false;

export function watch(watcher) {
  watchers.add(watcher);
}

/** Change the state and, once per frame, tell those who show it. */
export function change(values = {}) {
  Object.assign(state, values);
  if (isDue) return;
  isDue = true;
  const tell = () => {
    isDue = false;
    for (const watcher of watchers) watcher();
  };
  // Hidden tabs get no animation frames.
  if (document.visibilityState === "visible") requestAnimationFrame(tell);
  else setTimeout(tell, 50);
}

export const isRunning = (message) => message?.state === "running";
/** The messages that are painted, in the order of the transcript's rows. */
export const shownMessages = () => state.messages.slice(state.shownFrom);
export const lastMessage = () => state.messages.at(-1) ?? null;
export const runningAnswer = () => state.messages.find((message) => isRunning(message)) ?? null;
export const ownMessages = () => state.messages.filter((message) => message.role === "user");
/** Copied from the talk that this one tries again: such messages carry the time of its beginning. */
export const isCopied = ({ created_at: at }) => state.conversation?.origin === "again" && at === state.conversation.created_at;
export const saidHere = () => ownMessages().filter((message) => !isCopied(message));
export const isBusy = () => state.sending !== null || runningAnswer() !== null;
export const scenarioOf = (conversation) =>
  state.scenarios?.find((scenario) => scenario.id === conversation?.scenario) ?? null;
export const isFinal = (feedback) => !["queued", "running", "retry_wait"].includes(feedback.state);
