// Scales and marks of one panel, and the elements of a drawing.
const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// three digits, or as many more as marks a `step` apart need to differ
function written(v, step = Infinity) {
  if (Math.abs(v) < 1e-12) return "0";
  const needed = Math.floor(Math.log10(Math.abs(v))) - Math.floor(Math.log10(step)) + 2;
  return String(Number(v.toPrecision(Math.max(3, needed || 0)))).replace("-", "−");
}

// round numbers between two ends, about `wanted` of them
function roundMarks([low, high], wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((v) => v * power).find((v) => v >= rough);
  const marks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) marks.push(k * step);
  return marks;
}

// where a panel stands on the drawing, and how numbers become pixels
function frameOf(panel, left, top, wide, high) {
  const [x0, x1] = panel.x_range;
  const [y0, y1] = panel.y_range;
  return {
    panel, left, top, wide, high,
    across: (x) => left + ((x - x0) / (x1 - x0)) * wide,
    up: (y) => top + high - ((y - y0) / (y1 - y0)) * high,
    back: (pixel) => x0 + ((pixel - left) / wide) * (x1 - x0),
  };
}

// y of a line at x, on the straight way between its neighbours; null where the line is not
function heightAt(line, x, which = "y") {
  const { x: xs } = line;
  const ys = line[which];
  if (!ys.length || x < xs[0] || x > xs[xs.length - 1]) return null;
  let at = xs.findIndex((v) => v >= x);
  if (xs[at] === x || at === 0) return ys[at];
  const share = (x - xs[at - 1]) / (xs[at] - xs[at - 1]);
  return ys[at - 1] + share * (ys[at] - ys[at - 1]);
}
