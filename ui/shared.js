// What our components share: elements without markup, numbers, and the colours of the theme.
const spaced = (n) => n.toLocaleString("en-US").replaceAll(",", " ");

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
