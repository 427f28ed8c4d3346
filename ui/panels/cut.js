// The upright line that a person moves: by pointer, or by the arrow keys once it has the focus.
const STEP = 0.5; // units of x between two places of the line
const KEY_STEPS = {
  ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10,
};
const KEYS_SETTLE = 350; // ms after the last key until Python is told
const GRIP = 12; // pixels to both sides that take hold of the line

class CutLine {
  // said(x): tells Python; moved(): draws what depends on the line
  constructor(said, moved) {
    Object.assign(this, { said, moved, at: 0, waiting: null });
    this.line = draw("line", { class: "cut" });
    this.usual = draw("line", { class: "usual" });
    this.grip = draw("rect", { class: "grip", width: 2 * GRIP });
    this.knob = draw("rect", { class: "knob", width: 12, height: 20, rx: 4 });
    this.label = draw("text", { class: "cutlabel", y: 0 });
    this.node = draw("g", { class: "handle", tabindex: 0, role: "slider", focusable: "true" },
      this.grip, this.line, this.knob, this.label);
    this.node.addEventListener("pointerdown", (event) => this.take(event));
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.node.addEventListener("dblclick", () => this.settle(this.cut.usual));
  }

  update(cut) {
    if (this.cut?.token !== cut.token) this.waiting = null;
    this.cut = cut;
    // an answer to an earlier move must not take the line out of the hand
    if (this.waiting === cut.at) this.waiting = null;
    if (this.waiting === null && !this.held && !this.typing) this.at = cut.at;
  }

  place(frame) {
    this.frame = frame;
    const x = frame.across(this.at);
    const { top, high, left, wide } = frame;
    const put = (node, values) => {
      for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
    };
    put(this.line, { x1: x, x2: x, y1: top, y2: top + high });
    put(this.grip, { x: x - GRIP, y: top, height: high });
    put(this.knob, { x: x - 6, y: top + high / 2 - 10 });
    const usual = frame.across(this.cut.usual);
    put(this.usual, { x1: usual, x2: usual, y1: top, y2: top + high });
    const before = x > left + wide * 0.55;
    put(this.label, { x: x + (before ? -10 : 10), y: top + 14, "text-anchor": before ? "end" : "start" });
    const rows = Math.round((this.at / 100) * this.cut.rows);
    const words = `${written(this.at)} %, ${numberText(rows)} ${rows === 1 ? "row" : "rows"}`;
    this.label.textContent = words;
    put(this.node, {
      "aria-label": "Cut: the lowest share of the source",
      "aria-valuemin": 0, "aria-valuemax": this.cut.most, "aria-valuenow": this.at,
      "aria-valuetext": words,
    });
  }

  near(pixel) {
    return Math.abs(pixel - this.frame.across(this.at)) <= GRIP;
  }

  set(x) {
    const at = Math.min(this.cut.most, Math.max(0, Math.round(x / STEP) * STEP));
    if (at === this.at) return;
    this.at = at;
    this.moved();
  }

  settle(x) {
    this.set(x);
    clearTimeout(this.typing);
    this.typing = null;
    if (this.at === this.cut.at) return;
    this.waiting = this.at;
    this.said(this.at);
  }

  take(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.node.focus();
    this.held = true;
    this.node.setPointerCapture(event.pointerId);
    const place = (one) => {
      const box = this.node.ownerSVGElement.getBoundingClientRect();
      return this.frame.back(one.clientX - box.left);
    };
    const move = (one) => this.set(place(one));
    const drop = () => {
      this.node.removeEventListener("pointermove", move);
      this.held = false;
      this.settle(this.at);
    };
    this.node.addEventListener("pointermove", move);
    this.node.addEventListener("pointerup", drop, { once: true });
    this.node.addEventListener("pointercancel", drop, { once: true });
  }

  key(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key in KEY_STEPS) this.set(this.at + KEY_STEPS[key] * STEP * (event.shiftKey ? 10 : 1));
    else if (key === "Home") this.set(0);
    else if (key === "End") this.set(this.cut.most);
    else if (key === "r" || key === "R") this.set(this.cut.usual);
    else return;
    event.preventDefault();
    event.stopPropagation();
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.settle(this.at), KEYS_SETTLE);
  }
}
