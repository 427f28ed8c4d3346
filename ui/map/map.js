// The map a person sees: canvas, tools, hover card, legend. State that must last is in the registry.
const PADDING = 18;
const TOP = 52; // above the points when all are shown: the tools stand there
const REACH = 12; // pixels within which a point counts as pointed at
const REACH_TOUCH = 22;
const SETTLE = 140; // ms after the last move until the picture is drawn in full again
const FRAME = 13; // ms a moving picture may take
const OUTLINED = 3000; // more outlines than this would only blacken the picture
const CROWD = 250; // marks in view that are drawn in full ink
const MODES = {
  pan: ["Pan", " (drag)"],
  lasso: ["Lasso select", " (or Shift and drag)"],
  box: ["Box select", ""],
};

function tool(name, label, hint = "", keys = "") {
  const button = make("button", { type: "button", title: label + hint, "aria-label": label });
  if (keys) button.setAttribute("aria-keyshortcuts", keys);
  button.dataset.tool = name;
  button.innerHTML = ICONS[name]; // our own constant drawing, never data
  return button;
}

class LinkedMap {
  constructor(host) {
    this.pointers = new Map();
    this.build(host);
    this.raster = new Raster(this.picture);
    this.fullCost = 0;
    this.frameAsked = 0;
    this.onArrival = () => this.takeArrays();
    registry.waiting.add(this.onArrival);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.stage);
    this.listen();
  }

  build(host) {
    this.picture = make("canvas", { className: "picture" });
    this.picture.setAttribute("aria-hidden", "true");
    this.over = make("canvas", { className: "over", tabIndex: 0 });
    this.over.setAttribute("role", "application");
    this.over.setAttribute("aria-roledescription", "map");
    this.modes = Object.entries(MODES).map(([mode, [name, hint]]) => tool(mode, name, hint));
    this.closer = tool("closer", "Zoom in", " (+)", "+");
    this.farther = tool("farther", "Zoom out", " (−)", "-");
    this.whole = tool("fit", "Show all", " (0, or double-click)", "0");
    this.clearing = tool("clear", "Clear the lasso", " (Escape)", "Escape");
    this.tools = make(
      "div",
      { className: "tools" },
      ...this.modes,
      make("span", { className: "gap" }),
      this.closer,
      this.farther,
      this.whole,
      this.clearing,
    );
    this.tools.setAttribute("role", "toolbar");
    this.tools.setAttribute("aria-label", "Map tools");
    this.drawn = make("div", { className: "drawn" });
    this.count = make("div", { className: "count" });
    this.count.setAttribute("role", "status");
    this.card = make("div", { className: "card", hidden: true });
    this.stage = make(
      "div",
      { className: "stage" },
      this.picture,
      this.over,
      this.tools,
      this.drawn,
      this.count,
      this.card,
    );
    this.legend = make("div", { className: "legend" });
    this.root = make("div", { className: "map" }, this.stage, this.legend);
    this.root.linkedMap = this;
    host.append(this.root);
  }

  // -- what Python says ---------------------------------------------------------------------------

  update({ data, setStateValue }) {
    const changedLayout = this.data?.points !== data.points;
    const first = !this.data;
    const said = JSON.stringify({ ...data, focus: null });
    const onlyFocus = said === this.said;
    this.said = said;
    this.data = data;
    this.send = setStateValue;
    this.memory = memoryOf(data.map);
    this.over.setAttribute(
      "aria-label",
      `${data.description} Arrow keys move, plus and minus zoom, Enter picks the point in the ` +
        "middle, Shift and Enter selects what is in view, Escape clears.",
    );
    const sameTheme = this.readTheme();
    if (onlyFocus && sameTheme) {
      this.askOver(); // what a decision changes: another row is under review
      return;
    }
    this.showMode();
    if (first || changedLayout) {
      this.points = this.index = this.inside = null;
      this.colours = null;
    }
    this.takeArrays();
    if (this.lasso && this.lasso.number <= data.cleared) {
      this.layout.lasso = null;
      rememberMap(data.map);
      this.findInside();
    }
    // after a page switch or reload Python may have forgotten a lasso that still stands here
    if ((first || changedLayout) && this.lasso && this.lasso.number !== data.known) this.report();
    this.showSelection();
    this.ask();
  }

  get layout() {
    return (this.memory.layouts[this.data.points] ??= { view: null, lasso: null });
  }

  get lasso() {
    return this.layout.lasso;
  }

  takeArrays() {
    if (!this.data) return;
    const { points, colours, hover } = this.data;
    const arrived = arraysOf("points", points);
    if (arrived && this.points !== arrived) {
      this.points = arrived;
      this.index = arrived.index ??= new PointIndex(arrived.xy);
      this.findInside();
      this.scale();
    }
    // while new colours are on their way the old ones stay
    const painted = arraysOf("colours", colours) ?? this.colours;
    if (painted && painted !== this.colours && painted.index.length === this.points?.n) {
      this.colours = painted;
      this.paint();
      this.showLegend();
    }
    this.texts = hover ? arraysOf("hover", hover) : null;
    this.showSelection();
    this.ask();
  }

  // Whether the theme is the one that is drawn in.
  readTheme() {
    const theme = themeOf(this.root);
    const { dark, ground, ink, accent } = theme;
    const named = JSON.stringify(theme);
    if (named === this.theme) return true;
    this.theme = named;
    Object.assign(this, { dark, ink, accent, groundColour: ground, ground: toPixel(ground) });
    if (this.colours) {
      this.paint();
      this.showLegend();
    }
    return false;
  }

  paint() {
    const chosen = this.dark ? this.colours.dark : this.colours.light;
    this.palette = Uint32Array.from(chosen, toPixel);
    const ink = toPixel(this.ink);
    this.inks = Uint32Array.of(ink);
    this.greys = Uint32Array.of(mixPixels(this.ground, ink, this.dark ? 0.24 : 0.17));
    if (!this.colours.continuous || this.colours.order) return;
    // on a scale the extremes are what one looks for: draw them last
    const { index, legend } = this.colours;
    const middle = legend[Math.floor((Math.min(3, legend.length) - 1) / 2)][1];
    const starts = new Uint32Array(258);
    const distance = (i) => (index[i] > 2 * middle ? 0 : Math.abs(index[i] - middle));
    for (let i = 0; i < index.length; i++) starts[distance(i) + 1]++;
    for (let d = 0; d < 257; d++) starts[d + 1] += starts[d];
    this.colours.order = new Uint32Array(index.length);
    for (let i = 0; i < index.length; i++) this.colours.order[starts[distance(i)]++] = i;
  }

  positions(subset) {
    if (subset.at) return subset.at.filter((i) => i < this.points.n);
    const text = atob(subset.bits);
    const found = [];
    for (let i = 0; i < this.points.n; i++) {
      if ((text.charCodeAt(i >> 3) >> (i & 7)) & 1) found.push(i);
    }
    return found;
  }

  findInside() {
    this.inside = null;
    this.insideCount = 0;
    if (!this.points || !this.lasso) return;
    this.inside = this.index.inside(this.lasso.polygon);
    for (let i = 0; i < this.inside.length; i++) this.insideCount += this.inside[i];
  }

  showSelection() {
    if (!this.points) return;
    const { data } = this;
    this.outlines = this.positions(data.selected);
    this.rings = this.positions(data.rings);
    this.stars = this.positions(data.stars);
    this.bright = this.inside;
    if (!this.bright && data.dim && this.outlines.length) {
      this.bright = new Uint8Array(this.points.n);
      for (const i of this.outlines) this.bright[i] = 1;
    }
    const part = data.total > this.points.n;
    this.drawn.textContent = part
      ? `${numberText(this.points.n)} of ${numberText(data.total)} rows drawn`
      : "";
    const text = this.lasso
      ? `${numberText(this.insideCount)} ${part ? "drawn " : ""}points in the lasso`
      : "";
    if (this.count.textContent !== text) this.count.textContent = text;
    this.clearing.disabled = !this.lasso;
    Object.assign(this.root.dataset, {
      points: this.points.n,
      inside: this.lasso ? this.insideCount : "",
      outlined: this.outlines.length,
      ringed: this.rings.length,
      starred: this.stars.length,
    });
  }

  showLegend() {
    const { light, dark, legend, continuous, title } = this.colours;
    const palette = this.dark ? dark : light;
    const swatch = (at) => {
      const node = make("i", { className: "swatch" });
      node.style.backgroundColor = palette[at];
      return node;
    };
    const entry = ([name, at]) =>
      make("span", { className: "entry", title: name }, swatch(at), make("bdi", {}, name));
    const parts = [make("span", { className: "title", title }, make("bdi", {}, title))];
    const { stars } = this.data;
    if (stars.bits || stars.at.length) {
      const mark = make("i", { className: "cross" }, "×");
      parts.unshift(make("span", { className: "starred" }, mark, "damaged on purpose"));
    }
    if (continuous) {
      const [low, middle, high, ...others] = legend;
      const bar = make("i", { className: "bar" });
      const stops = [low, middle, high].map(([, at]) => palette[at]);
      bar.style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
      bar.setAttribute("role", "img");
      bar.setAttribute("aria-label", `from ${low[0]} over ${middle[0]} to ${high[0]}`);
      const marks = make(
        "span",
        { className: "marks" },
        ...[low, middle, high].map(([name]) => make("span", {}, name)),
      );
      parts.push(make("span", { className: "scale" }, bar, marks), ...others.map(entry));
    } else {
      parts.push(...legend.map(entry));
    }
    this.legend.replaceChildren(...parts);
  }

  // -- where things are ---------------------------------------------------------------------------

  resize() {
    const { clientWidth, clientHeight } = this.stage;
    if (!clientWidth || !clientHeight) return;
    this.wide = clientWidth;
    this.high = clientHeight;
    const ratio = window.devicePixelRatio || 1;
    this.over.width = Math.round(clientWidth * ratio);
    this.over.height = Math.round(clientHeight * ratio);
    this.fullCost = 0;
    this.scale();
    this.ask();
  }

  scale() {
    if (!this.index || !this.wide) return;
    const { spanX, spanY } = this.index;
    this.unitX = (this.wide - 2 * PADDING) / spanX;
    this.unitY = Math.max(1, this.high - PADDING - TOP) / spanY;
    const shape = spanX / spanY;
    if (shape > 0.2 && shape < 5) this.unitX = this.unitY = Math.min(this.unitX, this.unitY);
    if (!this.layout.view) this.layout.view = this.wholeView();
  }

  wholeView() {
    const { x0, y0, spanX, spanY } = this.index;
    const down = (TOP - PADDING) / 2 / this.unitY;
    return { x: x0 + spanX / 2, y: y0 + spanY / 2 + down, zoom: 1 };
  }

  get view() {
    return this.layout.view;
  }

  toScreen(x, y) {
    const { view } = this;
    return [
      this.wide / 2 + (x - view.x) * this.unitX * view.zoom,
      this.high / 2 - (y - view.y) * this.unitY * view.zoom,
    ];
  }

  toMap(left, top) {
    const { view } = this;
    return [
      view.x + (left - this.wide / 2) / (this.unitX * view.zoom),
      view.y - (top - this.high / 2) / (this.unitY * view.zoom),
    ];
  }

  moveBy(dx, dy) {
    const { view } = this;
    view.x -= dx / (this.unitX * view.zoom);
    view.y += dy / (this.unitY * view.zoom);
    this.moved();
  }

  zoomAt(left, top, factor) {
    const { view } = this;
    const [x, y] = this.toMap(left, top);
    view.zoom = Math.min(5000, Math.max(0.5, view.zoom * factor));
    const [nowX, nowY] = this.toMap(left, top);
    view.x += x - nowX;
    view.y += y - nowY;
    this.moved();
  }

  moved() {
    this.moving = true;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.moving = false;
      rememberMap(this.data.map);
      this.ask();
    }, SETTLE);
    this.ask();
  }

  showAll() {
    if (!this.index) return;
    this.layout.view = this.wholeView();
    this.moved();
  }

  // -- drawing ------------------------------------------------------------------------------------

  ask() {
    this.frameAsked ||= requestAnimationFrame(() => {
      this.frameAsked = 0;
      this.draw();
    });
  }

  draw() {
    if (!this.points || !this.colours || !this.wide || !this.view) return;
    const began = performance.now();
    let ratio = window.devicePixelRatio || 1;
    let every = 1;
    if (this.moving && this.fullCost > FRAME) {
      const plain = this.fullCost / (ratio * ratio);
      ratio = 1;
      every = Math.max(1, Math.ceil(plain / FRAME));
    }
    this.drawPoints(ratio, every);
    if (!this.moving) this.fullCost = performance.now() - began;
    this.drawOver();
    const { x, y, zoom } = this.view;
    this.root.dataset.view = `${x},${y},${zoom}`;
    this.root.dataset.colours = this.colours.version;
    this.root.dataset.frames = 1 + Number(this.root.dataset.frames ?? 0);
    this.root.dataset.cost = this.fullCost.toFixed(1);
  }

  radius() {
    const plain = Math.max(1, 5.6 - 0.8 * Math.log10(Math.max(10, this.points.n)));
    return plain * Math.min(2.5, Math.max(1, this.view.zoom ** 0.3));
  }

  drawPoints(ratio, every) {
    const { raster, view, points, colours } = this;
    const width = Math.max(1, Math.round(this.wide * ratio));
    const height = Math.max(1, Math.round(this.high * ratio));
    const scaleX = this.unitX * view.zoom * ratio;
    const scaleY = -this.unitY * view.zoom * ratio;
    const frame = {
      width,
      height,
      scaleX,
      scaleY,
      shiftX: width / 2 - view.x * scaleX,
      shiftY: height / 2 - view.y * scaleY,
    };
    const size = Math.min(this.radius() * ratio, MARGIN / 2 - 1);
    const step = width + 2 * MARGIN;
    const opacity = points.n > 20000 ? 0.8 : 0.92;
    const dots = makeStamps(step, size, disc(size), opacity);
    raster.begin(frame, this.ground);
    const order = colours.continuous ? colours.order : null;
    const { xy } = points;
    const { index } = colours;
    if (this.bright) {
      const faint = makeStamps(step, size * 0.85, disc(size * 0.85), 0.75);
      raster.stamp(xy, null, every, faint, null, this.greys, this.bright, 0);
      raster.stamp(xy, order, every, dots, index, this.palette, this.bright, 1);
    } else {
      raster.stamp(xy, order, every, dots, index, this.palette);
    }
    if (this.outlines.length <= OUTLINED) {
      const big = makeStamps(step, size * 1.5 + ratio, disc(size * 1.5 + ratio), 1);
      const core = makeStamps(step, size * 1.5, disc(size * 1.5), 1);
      for (const i of this.outlines) {
        raster.stamp(xy, [i], 1, big, null, this.inks);
        raster.stamp(xy, [i], 1, core, index, this.palette);
      }
    }
    const around = Math.min(size + 2 * ratio, MARGIN / 2);
    const arm = size + 1.2 * ratio;
    const crowd = this.inView(this.rings) + this.inView(this.stars);
    this.drawMarks(this.rings, around + ratio, ring(around, 1.2 * ratio), step, every, crowd);
    this.drawMarks(this.stars, arm + ratio, cross(arm, 1.1 * ratio), step, every, crowd);
    raster.end();
  }

  // How many of these points are in view.
  inView(positions) {
    const { xy } = this.points;
    const reachX = this.wide / (2 * this.unitX * this.view.zoom);
    const reachY = this.high / (2 * this.unitY * this.view.zoom);
    let seen = 0;
    for (const i of positions) {
      const near = Math.abs(xy[2 * i] - this.view.x) < reachX;
      if (near && Math.abs(xy[2 * i + 1] - this.view.y) < reachY) seen++;
    }
    return seen;
  }

  // Marks in ink, fainter the more of them are in view, so that they never bury the points.
  drawMarks(positions, size, shape, step, every, crowd) {
    if (!positions.length || !crowd) return;
    const opacity = Math.max(0.05, 0.85 * Math.min(1, CROWD / crowd));
    const stamps = makeStamps(step, size, shape, opacity);
    this.raster.stamp(this.points.xy, positions, crowd > 5000 ? every : 1, stamps, null, this.inks);
  }

  drawOver() {
    const pen = this.over.getContext("2d");
    const ratio = this.over.width / this.wide;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.wide, this.high);
    pen.lineJoin = "round";
    const outline = this.path
      ? this.pathOutline()
      : this.lasso?.polygon.map(([x, y]) => this.toScreen(x, y));
    if (outline) {
      pen.beginPath();
      outline.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.closePath();
      pen.globalAlpha = 0.08;
      pen.fillStyle = this.accent;
      pen.fill("evenodd");
      pen.globalAlpha = 1;
      pen.strokeStyle = this.accent;
      pen.lineWidth = 1.6;
      pen.setLineDash(this.path ? [5, 4] : []);
      pen.stroke();
      pen.setLineDash([]);
    }
    const size = this.radius();
    const hoop = (x, y, radius, colour, width) => {
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke();
    };
    if (this.data.focus) {
      const [x, y] = this.toScreen(this.data.focus.x, this.data.focus.y);
      hoop(x, y, size + 6, this.groundColour, 5);
      hoop(x, y, size + 6, this.accent, 2.5);
    }
    if (this.hovered >= 0) {
      const { xy } = this.points;
      const [x, y] = this.toScreen(xy[2 * this.hovered], xy[2 * this.hovered + 1]);
      hoop(x, y, size + 2.5, this.groundColour, 3);
      hoop(x, y, size + 2.5, this.ink, 1.5);
    }
    if (this.byKeyboard) {
      pen.strokeStyle = this.ink;
      pen.lineWidth = 1;
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        pen.moveTo(this.wide / 2 + 4 * dx, this.high / 2 + 4 * dy);
        pen.lineTo(this.wide / 2 + 11 * dx, this.high / 2 + 11 * dy);
      }
      pen.stroke();
    }
  }

  pathOutline() {
    if (this.drawing !== "box") return this.path;
    const [[ax, ay]] = this.path;
    const [bx, by] = this.path[this.path.length - 1];
    return [[ax, ay], [bx, ay], [bx, by], [ax, by]];
  }

  // -- what a person does -------------------------------------------------------------------------

  listen() {
    const { over } = this;
    over.addEventListener("pointerdown", (e) => this.press(e));
    over.addEventListener("pointermove", (e) => this.drag(e));
    over.addEventListener("pointerup", (e) => this.release(e));
    over.addEventListener("pointercancel", (e) => this.abandon(e));
    over.addEventListener("pointerleave", () => this.hover(-1));
    over.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    over.addEventListener("dblclick", () => this.showAll());
    over.addEventListener("keydown", (e) => this.key(e));
    over.addEventListener("focus", () => {
      this.byKeyboard = over.matches(":focus-visible");
      this.ask();
    });
    over.addEventListener("blur", () => {
      this.byKeyboard = false;
      this.ask();
    });
    this.root.addEventListener("keydown", (e) => {
      if (e.key === "Escape" && this.lasso) this.clear();
    });
    for (const button of this.modes) {
      button.addEventListener("click", () => this.setMode(button.dataset.tool));
    }
    const middle = (factor) => () => this.index && this.zoomAt(this.wide / 2, this.high / 2, factor);
    this.closer.addEventListener("click", middle(1.6));
    this.farther.addEventListener("click", middle(1 / 1.6));
    this.whole.addEventListener("click", () => this.showAll());
    this.clearing.addEventListener("click", () => {
      this.clear();
      this.over.focus({ preventScroll: true });
    });
  }

  setMode(mode) {
    this.memory.mode = mode;
    rememberMap(this.data.map);
    this.showMode();
  }

  showMode() {
    for (const button of this.modes) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === this.memory.mode));
    }
    this.over.dataset.mode = this.memory.mode;
  }

  place(event) {
    const box = this.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (!this.index || event.button > 1) return;
    this.over.focus({ preventScroll: true });
    this.byKeyboard = false;
    this.over.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    this.hover(-1);
    if (this.pointers.size === 2) {
      this.path = this.drawing = null; // a second finger turns any gesture into a pinch
      this.pinched = true;
      this.ask();
      return;
    }
    this.start = this.place(event);
    this.dragged = this.pinched = false;
    const { mode } = this.memory;
    const picking = mode === "pan" ? (event.shiftKey ? "lasso" : null) : mode;
    this.drawing = event.button === 1 ? null : picking;
    if (this.drawing) this.path = [this.start];
    if (event.button === 1) event.preventDefault();
  }

  drag(event) {
    if (!this.index) return;
    const [x, y] = this.place(event);
    const last = this.pointers.get(event.pointerId);
    if (!last) {
      if (!this.pointers.size) this.hover(this.pick(x, y, REACH), x, y);
      return;
    }
    if (this.pointers.size === 2) {
      this.pinch(event.pointerId, [x, y]);
      return;
    }
    if (Math.hypot(x - this.start[0], y - this.start[1]) > 4) this.dragged = true;
    if (this.path) {
      const [px, py] = this.path[this.path.length - 1];
      if (Math.hypot(x - px, y - py) >= 2) {
        this.path.push([x, y]);
        this.askOver();
      }
    } else if (this.dragged) {
      this.moveBy(x - last[0], y - last[1]);
    } else {
      return; // keep the place of the press, so that the first step is not lost
    }
    this.pointers.set(event.pointerId, [x, y]);
  }

  // the points have not changed: only what lies over them is drawn
  askOver() {
    this.overAsked ||= requestAnimationFrame(() => {
      this.overAsked = 0;
      if (this.points && this.view && this.wide) this.drawOver();
    });
  }

  pinch(pointer, now) {
    const other = [...this.pointers.keys()].find((id) => id !== pointer);
    const before = this.pointers.get(pointer);
    const fixed = this.pointers.get(other);
    this.pointers.set(pointer, now);
    const spread = (a, b) => Math.max(8, Math.hypot(a[0] - b[0], a[1] - b[1]));
    const half = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const from = half(before, fixed);
    const to = half(now, fixed);
    this.moveBy(to[0] - from[0], to[1] - from[1]);
    this.zoomAt(to[0], to[1], spread(now, fixed) / spread(before, fixed));
  }

  release(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.pinched) {
      if (!this.pointers.size) this.pinched = false;
      return;
    }
    const place = this.place(event);
    if (this.path && this.dragged) {
      if (this.drawing === "box") this.path.push(place);
      this.select(this.drawing === "box" ? this.pathOutline() : simplify(this.path, 0.6));
    } else if (!this.dragged && event.button === 0) {
      this.click(...place, event.pointerType === "touch" ? REACH_TOUCH : REACH);
    }
    this.path = this.drawing = null;
    this.ask();
  }

  abandon(event) {
    this.pointers.delete(event.pointerId);
    this.path = this.drawing = null;
    if (!this.pointers.size) this.pinched = false;
    this.ask();
  }

  wheel(event) {
    if (!this.index) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    const speed = event.ctrlKey ? 0.01 : 0.0016; // browsers report a pinch as Ctrl and wheel
    this.hover(-1);
    this.zoomAt(...this.place(event), Math.exp(-Math.max(-300, Math.min(300, pixels)) * speed));
  }

  key(event) {
    if (!this.index || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const steps = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.key in steps) this.moveBy(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.closer.click();
    else if (event.key === "-" || event.key === "_") this.farther.click();
    else if (event.key === "0") this.showAll();
    else if (event.key === "Enter" && event.shiftKey) this.selectInView();
    else if (event.key === "Enter") this.click(this.wide / 2, this.high / 2, 60);
    else if (event.key === "Escape" && this.path) this.path = this.drawing = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.byKeyboard = true;
    const middle = [this.wide / 2, this.high / 2];
    this.hover(this.pick(...middle, 60), ...middle);
    this.ask();
  }

  selectInView() {
    this.select([[0, 0], [this.wide, 0], [this.wide, this.high], [0, this.high]]);
  }

  pick(left, top, reach) {
    if (!this.index || !this.view) return -1;
    const [x, y] = this.toMap(left, top);
    const { zoom } = this.view;
    return this.index.nearest(x, y, reach / (this.unitX * zoom), reach / (this.unitY * zoom));
  }

  idOf(position) {
    return this.points.ids ? this.points.ids[position] : position;
  }

  click(left, top, reach) {
    const found = this.pick(left, top, reach);
    if (found < 0) return;
    this.memory.clicked = this.idOf(found);
    this.memory.click = nextNumber(this.memory.click);
    this.report();
  }

  select(outline) {
    const corners = outline.map(([left, top]) => this.toMap(left, top).map((v) => Number(v.toPrecision(9))));
    if (corners.length < 3) return;
    this.setLasso(corners);
  }

  clear() {
    this.setLasso(null);
  }

  setLasso(polygon) {
    this.memory.lasso = nextNumber(this.memory.lasso);
    this.layout.lasso = polygon && { polygon, number: this.memory.lasso };
    this.findInside();
    this.showSelection();
    this.report();
    this.ask();
  }

  report() {
    rememberMap(this.data.map);
    this.send("view", {
      version: this.data.points,
      polygon: this.lasso?.polygon ?? null,
      lasso: this.lasso?.number ?? this.memory.lasso,
      clicked: this.memory.clicked,
      click: this.memory.click,
    });
  }

  hover(position, left = 0, top = 0) {
    const changed = position !== this.hovered;
    this.hovered = position;
    if (position < 0) {
      this.card.hidden = true;
    } else {
      if (changed) this.fillCard(position);
      this.card.hidden = false;
      const { offsetWidth: wide, offsetHeight: high } = this.card;
      const x = left + 16 + wide > this.wide ? left - 16 - wide : left + 16;
      const y = Math.min(top + 14, this.high - high - 6);
      this.card.style.transform = `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`;
    }
    if (changed) this.askOver();
  }

  // Everything here comes from people's files: text nodes only, never markup.
  fillCard(position) {
    const lines = [];
    if (this.texts) {
      this.texts.fields.forEach(({ name, texts }, at) => {
        const cell = this.texts[`field${at}`][position];
        lines.push([name, texts ? texts[cell] : numberText(cell)]);
      });
    } else if (this.colours) {
      const { index, legend, continuous, title, values } = this.colours;
      const entry = legend.find(([, at]) => at === index[position]);
      if (!continuous && entry) lines.push([title, entry[0]]);
      if (values) {
        const value = values[position];
        lines.push([continuous ? title : "value", Number.isNaN(value) ? "none" : numberText(value)]);
      }
    }
    const table = make("dl");
    for (const [name, text] of lines) {
      table.append(make("dt", { dir: "auto" }, name), make("dd", { dir: "auto" }, text));
    }
    const head = make("div", { className: "row" }, `#${this.idOf(position)}`);
    const picture = this.texts?.pictures[position];
    const parts = [head];
    if (picture?.startsWith("data:image/")) {
      parts.push(make("img", { src: picture, alt: "", className: "thumb" }));
    }
    this.card.replaceChildren(...parts, table);
  }

  close() {
    clearTimeout(this.settling);
    cancelAnimationFrame(this.frameAsked);
    cancelAnimationFrame(this.overAsked);
    this.observer.disconnect();
    registry.waiting.delete(this.onArrival);
    if (this.data) rememberMap(this.data.map);
    this.root.remove();
  }
}

const mounted = new WeakMap();

// Streamlit calls this for every change of data or theme, and the returned function at the end, but
// also the one of a call that a newer call overtook: only the newest may close the map.
export default function mount(component) {
  const host = component.parentElement;
  let map = mounted.get(host);
  if (!map) {
    map = new LinkedMap(host);
    map.calls = 0;
    mounted.set(host, map);
  }
  const call = ++map.calls;
  map.update(component);
  return () => {
    if (map.calls !== call) return;
    map.close();
    mounted.delete(host);
  };
}
