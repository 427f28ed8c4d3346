// A row of panels as one drawing: curves with bands, dots, a legend, a readout under the pointer.
const LEFT = 54;
const TOP = 30;
const BELOW = 40; // of a panel: marks and the name of its axis
const RIGHT = 14;
const LEGEND = 22;
const FEW = 20; // dots up to which each is drawn large
const SMALLEST = 140; // pixels of a panel's width, below which the row is scrolled

const camera = () =>
  draw("svg", { viewBox: "0 0 24 24", width: 18, height: 18, class: "camera", "aria-hidden": "true" },
    draw("path", { d: "M4 8h3l2-3h6l2 3h3v11H4z" }),
    draw("circle", { cx: 12, cy: 13, r: 3.6 }));

class PanelsChart {
  constructor(host) {
    this.svg = draw("svg", { role: "img" });
    this.card = make("div", { className: "card", hidden: true });
    const save = make("button", { type: "button", className: "save", title: "Save as PNG" });
    save.setAttribute("aria-label", "Save as PNG");
    save.append(camera());
    save.addEventListener("click", () => this.save());
    this.stage = make("div", { className: "stage" }, this.svg);
    this.root = make("div", { className: "panels" }, this.stage, this.card, save);
    this.root.chart = this;
    host.append(this.root);
    this.observer = new ResizeObserver(() => this.show());
    this.observer.observe(this.root);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.point(null));
  }

  update({ data, setStateValue }) {
    this.data = data;
    this.send = setStateValue;
    this.theme = themeOf(this.root);
    if (data.cut) {
      this.cut ??= new CutLine(
        (at) => this.send("cut", { token: this.data.cut.token, at }),
        () => this.moveCut(),
      );
      this.cut.update(data.cut);
    } else {
      this.cut = null;
    }
    this.show();
  }

  show() {
    const { clientWidth, clientHeight } = this.root;
    if (!clientWidth || !this.data) return;
    const { panels, description } = this.data;
    const width = Math.max(clientWidth, panels.length * (SMALLEST + LEFT + RIGHT));
    const height = clientHeight;
    const wide = width / panels.length - LEFT - RIGHT;
    const high = height - TOP - BELOW - LEGEND;
    this.frames = panels.map((panel, at) =>
      frameOf(panel, at * (wide + LEFT + RIGHT) + LEFT, TOP, wide, high),
    );
    const focused = this.root.getRootNode().activeElement === this.cut?.node;
    const parts = this.frames.map((frame) => this.panel(frame));
    parts.push(this.legend(height - LEGEND + 12));
    this.cross = draw("line", { class: "cross", visibility: "hidden" });
    parts.push(this.cross);
    if (this.cut) {
      // a drawing that holds a control is a group; as one picture its parts would be hidden
      this.svg.setAttribute("role", "group");
      parts.push(this.cut.usual, this.cut.node);
    }
    this.svg.setAttribute("aria-label", description);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(...parts);
    if (this.cut) this.moveCut();
    if (focused) this.cut.node.focus();
    this.root.dataset.panels = panels.length;
  }

  panel(frame) {
    const { panel, left, top, wide, high, across, up } = frame;
    const group = draw("g", {});
    const ups = roundMarks(panel.y_range, high / 55);
    const acrosses = roundMarks(panel.x_range, wide / 75);
    for (const y of ups) {
      group.append(
        draw("line", { class: "grid", x1: left, x2: left + wide, y1: up(y), y2: up(y) }),
        draw("text", { class: "mark", x: left - 8, y: up(y) + 4, "text-anchor": "end" },
          written(y, ups[1] - ups[0])),
      );
    }
    for (const x of acrosses) {
      group.append(
        draw("line", { class: "axis", x1: across(x), x2: across(x), y1: top + high, y2: top + high + 4 }),
        draw("text", { class: "mark", x: across(x), y: top + high + 17, "text-anchor": "middle" },
          written(x, acrosses[1] - acrosses[0])),
      );
    }
    const middle = top + high / 2;
    group.append(
      draw("line", { class: "axis", x1: left, x2: left + wide, y1: top + high, y2: top + high }),
      draw("text", { class: "title", x: left, y: top - 12 }, panel.title),
      draw("text", { class: "mark", x: left + wide, y: top + high + 34, "text-anchor": "end" }, panel.x_label),
      draw("text", { class: "mark", x: left - 42, y: middle, "text-anchor": "middle",
        transform: `rotate(-90 ${left - 42} ${middle})` }, panel.y_label),
    );
    // the last line of a panel is what it is compared with: draw it first
    for (const line of [...panel.lines].reverse()) group.append(...this.line(line, frame));
    return group;
  }

  line(line, { across, up }) {
    const { x, y, low, high, colour, dashed, dots } = line;
    const joined = (xs, ys) => xs.map((v, i) => `${across(v).toFixed(1)} ${up(ys[i]).toFixed(1)}`);
    const parts = [];
    if (low.length) {
      const around = [...joined(x, high), ...joined(x, low).reverse()];
      parts.push(draw("path", { class: "band", fill: colour, d: `M${around.join("L")}Z` }));
    }
    const places = joined(x, y);
    const d = dots ? places.map((place) => `M${place}h0`).join("") : `M${places.join("L")}`;
    const kind = dots ? (x.length > FEW ? "dots" : "dots few") : dashed ? "line dashed" : "line";
    parts.push(draw("path", { class: kind, stroke: colour, d }));
    return parts;
  }

  legend(top) {
    const group = draw("g", { class: "legend" });
    const seen = new Map();
    for (const { lines } of this.data.panels) {
      for (const line of lines) if (!seen.has(line.name)) seen.set(line.name, line);
    }
    let left = LEFT;
    painter.font = "12px sans-serif";
    for (const [name, { colour, dashed, dots }] of seen) {
      if (!name) continue;
      const kind = dots ? "dots few" : dashed ? "line dashed" : "line";
      const d = dots ? `M${left + 11} ${top - 4}h0` : `M${left} ${top - 4}h22`;
      group.append(
        draw("path", { class: kind, stroke: colour, d }),
        draw("text", { class: "entry", x: left + 28, y: top }, name),
      );
      left += 28 + painter.measureText(name).width * 1.08 + 22;
    }
    return group;
  }

  moveCut() {
    this.cut.place(this.frames[0]);
    this.root.dataset.cut = this.cut.at;
    if (this.cut.held || this.cut.typing) this.read(this.frames[0], this.cut.at);
  }

  point(event) {
    if (this.cut?.held) return;
    const box = this.svg.getBoundingClientRect();
    const [x, y] = event ? [event.clientX - box.left, event.clientY - box.top] : [-1, -1];
    const frame = this.frames?.find(
      ({ left, top, wide, high }) => x >= left && x <= left + wide && y >= top && y <= top + high,
    );
    if (!frame) {
      this.card.hidden = true;
      this.cross.setAttribute("visibility", "hidden");
    } else {
      this.read(frame, frame.back(x), frame.panel.lines.every(({ dots }) => dots) ? [x, y] : null);
    }
  }

  // the numbers at one x: of each line, or of the nearest dot
  read(frame, x, pointer = null) {
    const { panel, across, up, top, high } = frame;
    const lines = [];
    if (pointer) {
      const found = nearestDot(panel.lines, across, up, pointer);
      if (!found) {
        this.card.hidden = true;
        return;
      }
      x = found.x;
      lines.push([panel.x_label, written(found.x)], [panel.y_label, written(found.y)]);
    } else {
      lines.push([panel.x_label, written(x)]);
      for (const line of panel.lines) {
        const y = heightAt(line, x);
        if (y === null) continue;
        const spread = line.low.length ? heightAt(line, x, "high") - y : 0;
        lines.push([line.name, spread > 0 ? `${written(y)} ± ${written(spread)}` : written(y)]);
      }
    }
    const table = make("dl");
    for (const [name, value] of lines) table.append(make("dt", {}, name), make("dd", {}, value));
    this.card.replaceChildren(table);
    this.card.hidden = false;
    const place = across(x) - this.stage.scrollLeft;
    const { offsetWidth: wide, offsetHeight: tall } = this.card;
    const left = place + 14 + wide > this.root.clientWidth ? place - 14 - wide : place + 14;
    this.card.style.transform = `translate(${Math.max(2, left)}px, ${top + high - tall - 8}px)`;
    const attributes = { x1: across(x), x2: across(x), y1: top, y2: top + high };
    for (const [name, value] of Object.entries(attributes)) this.cross.setAttribute(name, value);
    this.cross.setAttribute("visibility", pointer ? "hidden" : "visible");
  }

  save() {
    const style = getComputedStyle(this.root);
    const variables = ["--ink", "--muted", "--line", "--accent"]
      .map((name) => `${name}: ${style.getPropertyValue(name)};`)
      .join(" ");
    const rules = [...this.root.getRootNode().querySelectorAll("style")].map((node) => node.textContent);
    const sheets = [...(this.root.getRootNode().adoptedStyleSheets ?? [])].flatMap((sheet) =>
      [...sheet.cssRules].map((rule) => rule.cssText),
    );
    const text = `svg { ${variables} font-family: ${style.fontFamily}; } ${[...rules, ...sheets].join("\n")}`;
    savePicture(this.svg, text, this.theme.ground, this.data.name);
  }

  close() {
    this.observer.disconnect();
    clearTimeout(this.cut?.typing);
    this.root.remove();
  }
}

function nearestDot(lines, across, up, [left, top]) {
  let best = null;
  let least = 18 ** 2;
  for (const { x, y } of lines) {
    for (let i = 0; i < x.length; i++) {
      const distance = (across(x[i]) - left) ** 2 + (up(y[i]) - top) ** 2;
      if (distance < least) [least, best] = [distance, { x: x[i], y: y[i] }];
    }
  }
  return best;
}

const mounted = new WeakMap();

// Streamlit calls this for every change of data or theme, and the returned function at the end, but
// also the one of a call that a newer call overtook: only the newest may close the chart.
export default function mount(component) {
  const host = component.parentElement;
  let chart = mounted.get(host);
  if (!chart) {
    chart = new PanelsChart(host);
    chart.calls = 0;
    mounted.set(host, chart);
  }
  const call = ++chart.calls;
  chart.update(component);
  return () => {
    if (chart.calls !== call) return;
    chart.close();
    mounted.delete(host);
  };
}
