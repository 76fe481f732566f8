// Who says each message of the native transcript, for screen readers: a name instead of Gradio's label, which is in
// English and holds the whole message a second time.

/** Name each message `yours` or `theirs`. Gradio writes its label again with every painting, so this follows each. */
export function nameSpeakers(yours, theirs) {
  for (const message of document.querySelectorAll("#transcript [data-testid=user], #transcript [data-testid=bot]")) {
    if (message.getAttribute("role") !== "group") message.setAttribute("role", "group"); // a plain div may carry no name
    const name = message.dataset.testid === "user" ? yours : theirs;
    if (message.getAttribute("aria-label") !== name) message.setAttribute("aria-label", name);
  }
}
