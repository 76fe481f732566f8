// Building elements. Text always goes in as text nodes, never as HTML: the words come from people and models.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  plus: "M12 5v14M5 12h14",
  pencil: "M4 20l1-4L16.5 4.5a2.1 2.1 0 0 1 3 3L8 19z",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  back: "M15 5l-7 7 7 7",
  retry: "M5 12a7 7 0 1 1 2 5M5 18v-4h4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20a7 7 0 0 1 14 0",
  target: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  good: "M7 11v9H4v-9zM7 11l4-7c1.8 0 2.6 1.3 2.2 3L12.6 10H18a2 2 0 0 1 2 2.4l-1.2 6A2 2 0 0 1 16.8 20H7",
  bad: "M7 13V4H4v9zM7 13l4 7c1.8 0 2.6-1.3 2.2-3l-.6-3H18a2 2 0 0 0 2-2.4l-1.2-6A2 2 0 0 0 16.8 4H7",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.6v.2",
  next: "M9 5l7 7-7 7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  arrow: "M5 12h14M13 6l6 6-6 6",
  chart: "M4 20h16M5 15l4-5 4 3 6-8",
  beside: "M4 5h6v14H4zM14 5h6v14h-6z",
  flag: "M6 21V4h12l-3 4.5 3 4.5H6",
  quote: "M10 7H5v6h5V7zM10 13c0 2.5-1.5 4-4 4.5M19 7h-5v6h5V7zM19 13c0 2.5-1.5 4-4 4.5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  save: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  bring: "M12 16V5M7 9.5l5-5 5 5M5 20h14",
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  bell: "M6 17h12l-1.5-2.5V11a4.5 4.5 0 0 0-9 0v3.5zM10.5 20h3",
};

/** An element: `h("p", {class: "note", onclick: f}, "text", child)`. Null and false children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The same for elements of a drawing: `svg("line", {x1: 0, ...})`. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children.flat());
  return element;
}

export const icon = (name) => svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, svg("path", { d: PATHS[name] }));

/** Put the focus on the element with this `data-key`, once what was just changed is drawn (state.js draws a frame later). */
export function focusSoon(key) {
  requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true })));
}

let pressed = null;
const waiting = new Map();

/** A click whose element is replaced between press and release is lost: what is pressed stays until it is let go. */
addEventListener("pointerdown", ({ target }) => (pressed = target), true);
addEventListener("click", () => (pressed = null), true); // its own handlers may show something new at once
for (const end of ["pointerup", "pointercancel", "dragend"]) addEventListener(end, () => setTimeout(release), true);

function release() {
  pressed = null;
  for (const [root, children] of [...waiting]) show(root, ...children);
}

/** Replace what `root` shows. Elements with the same `data-key` count as the same: focus and opened details stay. */
export function show(root, ...children) {
  if (pressed && root.contains(pressed)) {
    waiting.set(root, children);
    return;
  }
  waiting.delete(root);
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const opened = [...root.querySelectorAll("details[data-key][open]")].map((details) => details.dataset.key);
  root.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const key of opened) root.querySelector(`details[data-key="${CSS.escape(key)}"]`)?.setAttribute("open", "");
  if (focused) root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
