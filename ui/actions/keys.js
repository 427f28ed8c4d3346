// Which key means what, and when the keyboard belongs to something else.
const KEYS = {
  k: "keep",
  w: "suggestion",
  d: "drop",
  u: "undecided",
  z: "undo",
  y: "redo",
  j: "next",
  ArrowDown: "next",
  ArrowUp: "previous",
};
const NOT_TYPED = new Set(["checkbox", "radio", "button", "submit", "reset", "range", "color", "file"]);
const OWN_ARROWS =
  '[data-testid="stDataFrame"],[role="grid"],[role="slider"],[role="radiogroup"],[role="tablist"],' +
  'input[type="range"],input[type="radio"],video,audio';
const OWN_LETTERS = '[role="listbox"],[role="menu"],[role="combobox"]';

// the key as a name of KEYS or a digit; layouts without Latin letters go by the key's place
function nameOf(event) {
  if (event.key.startsWith("Arrow")) return event.key;
  if (/^[a-z0-9]$/i.test(event.key)) return event.key.toLowerCase();
  if (event.shiftKey) return null;
  const place = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(event.code);
  const latin = event.key.length === 1 && event.key.charCodeAt(0) < 128;
  if (!place || (latin && place[1])) return null;
  return (place[1] ?? place[2]).toLowerCase();
}

function typingIn(path) {
  return path.find(
    (node) =>
      node instanceof HTMLElement &&
      (node.isContentEditable ||
        node.tagName === "TEXTAREA" ||
        node.tagName === "SELECT" ||
        (node.tagName === "INPUT" && !NOT_TYPED.has(node.type))),
  );
}

const within = (path, selector) =>
  path.some((node) => node instanceof Element && node.matches(selector));

// a list box that was just used keeps the keyboard, and would take the next letters for a search
function leaveListBox() {
  const active = document.activeElement;
  if (active?.getAttribute("role") === "combobox" && active.getAttribute("aria-expanded") !== "true") {
    active.blur();
  }
}

const dialogOpen = () =>
  document.querySelector('[role="dialog"][aria-modal="true"],[data-testid="stDialog"]') !== null;

// what a key press asks for: "keep", ..., "digit0" to "digit9", or null
function commandOf(event) {
  const path = event.composedPath();
  const field = typingIn(path);
  if (field) {
    const leaves = event.key === "Escape" || (event.key === "Enter" && field.tagName === "INPUT");
    // after the field's own handlers, so that what was typed is taken
    if (leaves && !event.isComposing) setTimeout(() => field.blur(), 0);
    return null;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  const name = nameOf(event);
  const digit = /^[0-9]$/.test(name ?? "");
  const command = digit ? `digit${name}` : KEYS[name];
  if (!command) return null;
  const moves = command === "next" || command === "previous";
  if (event.repeat && !moves) return null; // a held key must not decide row after row
  if (within(path, OWN_LETTERS) || (name.startsWith("Arrow") && within(path, OWN_ARROWS))) return null;
  if (dialogOpen()) return null;
  return command;
}
