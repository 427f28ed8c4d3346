// What our components share: elements without markup, numbers, and the colours of the theme.

// A number as `number` of dvgs_core/data/wording.py writes it.
function numberText(v) {
  if (Number.isNaN(v)) return "–";
  const size = Math.abs(v);
  const [digits, power] = v.toExponential(2).split("e").map(Number);
  let text;
  if ((size >= 999.5 && size < 1e7) || (Number.isInteger(v) && size < 1e15)) {
    text = (Math.round(v) || 0).toLocaleString("en-US");
  } else if (power < -4 || power > 2) {
    text = `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  } else {
    text = String(Number(v.toPrecision(3)));
  }
  return text.replaceAll("-", "−");
}

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// red, green, blue of a CSS colour, 0 to 255; only a canvas knows them all, but it is slow
const painter = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function channels(colour) {
  if (/^#[0-9a-f]{6}$/i.test(colour)) {
    return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  }
  painter.globalCompositeOperation = "copy";
  painter.fillStyle = "#808080"; // what an unreadable colour falls back to
  painter.fillStyle = colour;
  painter.fillRect(0, 0, 1, 1);
  return painter.getImageData(0, 0, 1, 1).data.slice(0, 3);
}

// The colours Streamlit gives the component; `root` says "light" or "dark" to the style sheet.
function themeOf(root) {
  const style = getComputedStyle(root);
  const read = (name, other) => style.getPropertyValue(name).trim() || other;
  const [r, g, b] = channels(read("--st-background-color", "#FFFFFF"));
  const dark = 0.3 * r + 0.6 * g + 0.1 * b < 128;
  root.dataset.theme = dark ? "dark" : "light";
  return {
    dark,
    ground: read("--st-background-color", dark ? "#0F1216" : "#FFFFFF"),
    ink: read("--st-text-color", dark ? "#E6E8EB" : "#1B1F24"),
    accent: read("--st-primary-color", dark ? "#6EA0FF" : "#2F6FDE"),
  };
}
