// The drawing as a PNG, on the ground that it is seen on.
const SCALE = 2;

function savePicture(svg, styleText, ground, name) {
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true);
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.prepend(
    draw("style", {}, styleText),
    draw("rect", { width, height, fill: ground }),
  );
  const picture = new Image();
  picture.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = width * SCALE;
    canvas.height = height * SCALE;
    const pen = canvas.getContext("2d");
    pen.scale(SCALE, SCALE);
    pen.drawImage(picture, 0, 0);
    const link = make("a", { href: canvas.toDataURL("image/png"), download: `${name}.png` });
    link.click();
  };
  const text = new XMLSerializer().serializeToString(copy);
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}
