// People's and models' words for Gradio's Chatbot, which reads Markdown, HTML and mermaid diagrams in them.
//
// An empty character after each sign that could begin a tag, a picture, a link or a diagram keeps them words: nothing
// is fetched, nothing is drawn, nothing can be clicked that leads elsewhere. In code too, which a reader of Markdown
// finds differently than we would. Emphasis, lists, tables and code blocks stay. The same rule in Python, with the
// reasons: webapp/inert.py.

const EMPTY = "\u200b";
const OPENERS = new RegExp(
  [
    /<(?=[a-z/!?])/,
    /!(?=\[)/,
    /\](?=[(:[])/,
    /:(?=\/\/)/,
    /www(?=\.)/,
    /@(?=[a-z0-9_-])/,
    /%(?=latex_block)/,
    /(?:`{3,}|~{3,})(?=[^a-z0-9\n]*(?:mermaid|constructor|tostring|tolocalestring|valueof|hasownproperty))/,
    /(?:`{3,}|~{3,})(?=[^a-z0-9\n]*(?:isprototypeof|propertyisenumerable))/,
    /(?:`{3,}|~{3,})(?=[^a-z0-9\n]*(?:proto|definegetter|definesetter|lookupgetter|lookupsetter)(?:\\?_){2})/,
  ].map(({ source }) => source).join("|"),
  "gi",
);
const FORMULA_BEGINS = /\$\$|\\\(|\\\[/;
const CODE_OR_FORMULA = /```[\s\S]*?(?:```|$)|`[^`\n]*`|(\$\$[\s\S]+?\$\$|\\\[[\s\S]+?\\\]|\\\([\s\S]+?\\\))/g;
const MARKED = /([<!\]:@%`~]|www)\u200b/gi;

/** The words with nothing in them that Gradio would read as more than emphasis, lists, tables or code. */
export const inert = (words) => words.replace(OPENERS, `$&${EMPTY}`);

/** The same for a transcript that also draws formulas, to which an empty character would be a letter: `{}` is none. */
export function inertWithFormulas(words) {
  if (!FORMULA_BEGINS.test(words)) return inert(words);
  const formulas = [...words.matchAll(CODE_OR_FORMULA)].filter((found) => found[1] !== undefined);
  const isInside = (at) => formulas.some(({ index, 0: whole }) => index < at && at < index + whole.length);
  return words.replace(OPENERS, (opener, at) => opener + (isInside(at + opener.length) ? "{}" : EMPTY));
}

/** The words as they were said. */
export const asSaid = (shown) => shown.replace(MARKED, "$1");

/** What is copied out of the page is what was said: by the keyboard, and by Gradio's own buttons. */
export function copyAsSaid() {
  document.addEventListener("copy", (event) => {
    const words = String(getSelection());
    if (words === asSaid(words)) return;
    event.clipboardData.setData("text/plain", asSaid(words));
    event.preventDefault();
  });
  const { clipboard } = navigator; // not there on plain HTTP
  if (!clipboard) return;
  const write = clipboard.writeText.bind(clipboard);
  clipboard.writeText = (words) => write(asSaid(words));
}
