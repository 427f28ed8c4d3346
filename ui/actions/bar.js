// The bar a reviewer sees, and the browser's own cursor over the queue.
const DONE = { keep: "kept", drop: "dropped", undecided: "set to undecided" };
const WAITING_SHOWN = 700; // ms a press may wait before the bar says so

class ReviewBar {
  constructor(host) {
    this.build(host);
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
    this.tabs = new OtherTabs(() => this.look());
  }

  build(host) {
    const button = (command, word, cap, shortcut) => {
      const text = make("bdi", { className: "word" }, word);
      const node = make("button", { type: "button" }, make("kbd", {}, cap), text);
      node.setAttribute("aria-keyshortcuts", shortcut);
      node.title = word;
      node.dataset.command = command;
      node.addEventListener("click", () => this.run(command));
      return node;
    };
    this.buttons = {
      keep: button("keep", "Keep", "K", "K"),
      suggestion: button("suggestion", "Relabel", "W", "W"),
      drop: button("drop", "Drop", "D", "D"),
      undecided: button("undecided", "Undecided", "U", "U"),
      undo: button("undo", "Undo", "Z", "Z"),
      redo: button("redo", "Redo", "Y", "Y"),
      previous: button("previous", "Previous", "↑", "ArrowUp"),
      next: button("next", "Next", "↓", "ArrowDown J"),
    };
    this.which = make("div", { className: "which" });
    this.classButtons = make("div", { className: "classes" });
    this.classButtons.setAttribute("role", "group");
    this.classButtons.setAttribute("aria-label", "Relabel as");
    this.said = make("div", { className: "said" });
    this.said.setAttribute("role", "status");
    this.waiting = make("div", { className: "waiting" });
    const { keep, suggestion, drop, undecided, undo, redo, previous, next } = this.buttons;
    const first = make("div", { className: "line" }, this.which, keep, suggestion, drop, undecided);
    first.append(make("span", { className: "gap" }), undo, redo, previous, next);
    const second = make("div", { className: "line" }, this.classButtons);
    const third = make("div", { className: "line status" }, this.said, this.waiting);
    this.root = make("div", { className: "bar" }, first, second, third);
    this.root.setAttribute("role", "toolbar");
    this.root.setAttribute("aria-label", "Review decisions");
    this.root.reviewBar = this;
    host.append(this.root);
  }

  // -- what Python says ---------------------------------------------------------------------------

  update({ data, setStateValue }) {
    const first = !this.box;
    const other = this.box && this.box.token !== data.token;
    const classesBefore = this.data?.classes.join("\0");
    if (this.data && this.data.scene !== data.scene) leaveListBox();
    this.data = data;
    this.placeOf = new Map(data.queue.map((row, at) => [row, at]));
    if (other) this.box.disconnect();
    this.box = outboxOf(data.token);
    shared.active = this;
    const send = (batch) => setStateValue("events", batch);
    this.tabs.token = data.token;
    this.ask = () => setStateValue("heard", Date.now());
    if (first || other) this.box.reconnect(send);
    else this.box.send = send;
    const undoing = this.box.undoing;
    const saved = this.box.acknowledge(data.acknowledged);
    if (saved) this.tabs.tell(data.token);
    if (!this.box.pending.length || this.box.cursor === null) this.box.cursor = data.cursor;
    if (undoing && !this.box.undoing) {
      if (this.said.dataset.undo) this.say(this.said.dataset.undo);
      this.runHeld();
    }
    if (first || other) this.box.flush();
    if (classesBefore !== data.classes.join("\0")) this.showClasses();
    themeOf(this.root);
    this.show();
  }

  runHeld() {
    const held = this.box.held.splice(0);
    for (const [command, label] of held) this.run(command, label); // may be held again
  }

  // -- what a person does -------------------------------------------------------------------------

  key(event) {
    if (shared.active !== this || !this.data) return;
    const command = commandOf(event);
    if (!command) return;
    event.preventDefault();
    if (command.startsWith("digit")) {
      const digit = command.slice(5);
      const label = this.data.keys.indexOf(digit);
      if (label >= 0) this.run("label", label);
      else this.say(`No class is on ${digit}`);
    } else {
      this.run(command);
    }
  }

  run(command, label = null) {
    const { box } = this;
    if (command === "undo" || command === "redo") {
      this.goBack(command);
    } else if (box.undoing) {
      box.held.push([command, label]); // Python says first where the cursor is
    } else if (command === "next" || command === "previous") {
      this.move(command === "next" ? 1 : -1);
    } else {
      this.decide(command, label);
    }
    this.show();
  }

  goBack(command) {
    const undo = command === "undo";
    if (!(undo ? this.canUndo : this.canRedo)) {
      this.say(`Nothing to ${command}`);
      return;
    }
    this.box.add({ action: command, row: null });
    this.say(undo ? "Undoing …" : "Redoing …");
    this.said.dataset.undo = undo ? "Undone" : "Redone";
  }

  decide(command, label) {
    const { box, data } = this;
    const { selection } = data;
    const row = selection ? null : box.cursor;
    if (!selection && row === null) {
      this.say("No row left in this queue");
      return;
    }
    let chosen = label;
    if (command === "suggestion" && !selection) {
      chosen = this.suggestionFor(row);
      if (chosen === null) {
        this.say(`No other label is suggested for #${row}`);
        return;
      }
    }
    const relabels = command === "suggestion" || command === "label";
    const action = relabels ? "relabel" : command;
    const subject = selection ? this.rows(selection.count) : `#${row}`;
    box.add({ action, row, label: relabels ? chosen : null, selection: selection?.version ?? null });
    if (!selection) box.cursor = this.neighbour(row, 1);
    const done = relabels
      ? ["relabelled ", chosen === null ? "as suggested" : this.className(chosen)]
      : [DONE[action]];
    this.say(subject, " ", ...done);
    this.said.dataset.decision = action;
  }

  move(step) {
    const { box } = this;
    const { queue } = this.data;
    const at = box.cursor === null ? (step < 0 ? queue.at(-1) : undefined) : this.neighbour(box.cursor, step);
    if (at === undefined || at === null) {
      this.say(step > 0 ? "End of the queue" : "Start of the queue");
      return;
    }
    box.cursor = at;
    box.add({ action: "go", row: at });
  }

  neighbour(row, step) {
    const at = this.placeOf.get(row);
    const { queue } = this.data;
    if (at === undefined) return step > 0 ? (queue[0] ?? null) : null;
    return queue[at + step] ?? null;
  }

  suggestionFor(row) {
    const at = this.placeOf.get(row);
    return (at === undefined ? null : this.data.suggested[at]) ?? null;
  }

  get canUndo() {
    const decided = ({ action }) => !["undo", "redo", "go"].includes(action);
    return this.data.can_undo || this.box.pending.some(decided);
  }

  get canRedo() {
    return this.data.can_redo || this.box.pending.some(({ action }) => action === "undo");
  }

  // Somebody may have decided elsewhere: ask Python, unless a press of ours is about to. A run of
  // the page would close a dialog; what came meanwhile is seen when it closes by itself.
  look() {
    if (shared.active === this && this.box && !this.box.pending.length && !dialogOpen()) this.ask();
  }

  // -- what is shown ------------------------------------------------------------------------------

  className(code) {
    return this.data.classes[code] ?? `class ${code}`;
  }

  rows(count) {
    return count === 1 ? "1 row" : `${numberText(count)} rows`;
  }

  // class names come from people's files: text nodes only, never markup
  say(...parts) {
    delete this.said.dataset.decision;
    delete this.said.dataset.undo;
    this.said.replaceChildren(...parts.map((part) => make("bdi", {}, part)));
    this.said.title = parts.join("");
  }

  showClasses() {
    const { classes, keys, short } = this.data;
    const buttons = [];
    const others = [];
    classes.forEach((name, code) => {
      const key = keys[code];
      if (!key) {
        const cut = name.length > 60 ? `${name.slice(0, 59)}…` : name;
        others.push(make("option", { value: String(code) }, cut));
        return;
      }
      const text = make("bdi", { className: "word" }, short[code]);
      const node = make("button", { type: "button" }, make("kbd", {}, key), text);
      node.title = name;
      node.setAttribute("aria-label", `${key} ${name}`);
      node.setAttribute("aria-keyshortcuts", key);
      node.dataset.label = code;
      node.addEventListener("click", () => this.run("label", code));
      buttons.push(node);
    });
    if (others.length) {
      const list = make("select", {}, make("option", { value: "" }, "Other class …"), ...others);
      list.setAttribute("aria-label", "Relabel as another class");
      list.addEventListener("change", () => {
        const chosen = list.value;
        list.value = "";
        list.blur(); // else the next key would choose in the list
        if (chosen) this.run("label", Number(chosen));
      });
      buttons.push(list);
    }
    this.classButtons.dataset.long = short.some((name) => name.length > 5);
    this.classButtons.replaceChildren(...buttons);
  }

  show() {
    const { box, data, buttons } = this;
    const { selection } = data;
    const row = box.cursor;
    const none = !selection && row === null;
    const suggestion = selection || none ? null : this.suggestionFor(row);
    this.which.textContent = selection ? this.rows(selection.count) : none ? "No row" : `#${row}`;
    this.which.title = selection ? "Decisions act on all selected rows" : "Row under review";
    this.root.dataset.selection = selection ? "true" : "false";
    for (const name of ["keep", "drop", "undecided"]) buttons[name].disabled = none;
    const word = buttons.suggestion.querySelector(".word");
    const name = suggestion === null ? null : this.className(suggestion);
    word.textContent = selection ? "Relabel as suggested" : name === null ? "No suggestion" : `Relabel ${name}`;
    buttons.suggestion.title = name === null ? word.textContent : `Relabel as ${name}`;
    buttons.suggestion.disabled = none || (!selection && suggestion === null);
    buttons.undo.disabled = !this.canUndo;
    buttons.redo.disabled = !this.canRedo;
    buttons.previous.disabled = row === null ? !data.queue.length : this.neighbour(row, -1) === null;
    buttons.next.disabled = row === null || this.neighbour(row, 1) === null;
    const at = this.placeOf.get(row);
    const label = at === undefined ? null : data.labels[at];
    for (const node of this.classButtons.children) {
      node.disabled = none;
      if (node.dataset.label === undefined) continue;
      const code = Number(node.dataset.label);
      const current = !selection && code === label;
      node.dataset.current = String(current);
      node.dataset.suggested = String(!selection && code === suggestion);
      node.title = `Relabel as ${this.className(code)}` + (current ? " (its label now)" : "");
    }
    this.showWaiting();
    if (row !== this.shownRow) {
      this.shownRow = row;
      sayRow(row);
      if (data.follow) keepInView(data.follow, row);
    }
    Object.assign(this.root.dataset, {
      cursor: row ?? "",
      pending: box.pending.length + box.held.length,
      acknowledged: data.acknowledged,
    });
  }

  // an answer usually comes at once; only a press that has to wait is worth a word
  showWaiting() {
    clearTimeout(this.looking);
    const { pending, held } = this.box;
    const decisions = pending.filter(({ action }) => action !== "go");
    const oldest = decisions[0]?.at ?? Infinity;
    const late = Date.now() - oldest >= WAITING_SHOWN;
    const count = decisions.length + held.length;
    this.waiting.textContent = late ? `${numberText(count)} not saved yet` : "";
    this.waiting.title = late ? "Kept in this tab and sent again until the server answers" : "";
    if (decisions.length && !late) {
      this.looking = setTimeout(() => this.showWaiting(), WAITING_SHOWN + 20);
    }
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
    this.tabs.close();
    clearTimeout(this.looking);
    if (shared.active === this) {
      shared.active = null;
      this.box?.disconnect();
    }
    this.root.remove();
  }
}

const mounted = new WeakMap();

// Streamlit calls this for every change of data or theme, and the returned function at the end, but
// also the one of a call that a newer call overtook: only the newest may close the bar.
export default function mount(component) {
  const host = component.parentElement;
  let bar = mounted.get(host);
  if (!bar) {
    bar = new ReviewBar(host);
    bar.calls = 0;
    mounted.set(host, bar);
  }
  const call = ++bar.calls;
  bar.update(component);
  return () => {
    if (bar.calls !== call) return;
    bar.close();
    mounted.delete(host);
  };
}
