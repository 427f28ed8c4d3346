// Points of one layout, ready to be searched: bounds, a grid for the nearest point, the lasso test.
class PointIndex {
  constructor(xy) {
    this.xy = xy;
    this.count = xy.length / 2;
    let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < xy.length; i += 2) {
      if (xy[i] < x0) x0 = xy[i];
      if (xy[i] > x1) x1 = xy[i];
      if (xy[i + 1] < y0) y0 = xy[i + 1];
      if (xy[i + 1] > y1) y1 = xy[i + 1];
    }
    if (!this.count) [x0, y0, x1, y1] = [0, 0, 1, 1];
    this.x0 = x0;
    this.y0 = y0;
    this.spanX = x1 - x0 || 1;
    this.spanY = y1 - y0 || 1;
    this.side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(this.count / 4))));
    this.buildGrid();
  }

  cell(x, y) {
    const column = Math.min(this.side - 1, Math.floor(((x - this.x0) / this.spanX) * this.side));
    const row = Math.min(this.side - 1, Math.floor(((y - this.y0) / this.spanY) * this.side));
    return row * this.side + column;
  }

  buildGrid() {
    const cells = new Uint32Array(this.count);
    this.starts = new Uint32Array(this.side * this.side + 1);
    for (let i = 0; i < this.count; i++) {
      cells[i] = this.cell(this.xy[2 * i], this.xy[2 * i + 1]);
      this.starts[cells[i] + 1]++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.starts[c + 1] += this.starts[c];
    this.members = new Uint32Array(this.count);
    const next = this.starts.slice();
    for (let i = 0; i < this.count; i++) this.members[next[cells[i]]++] = i;
  }

  // position of the point nearest to (x, y) within reachX, reachY (map units of `reach` pixels)
  nearest(x, y, reachX, reachY) {
    const clamp = (v) => Math.min(this.side - 1, Math.max(0, Math.floor(v * this.side)));
    const left = clamp((x - reachX - this.x0) / this.spanX);
    const right = clamp((x + reachX - this.x0) / this.spanX);
    const low = clamp((y - reachY - this.y0) / this.spanY);
    const high = clamp((y + reachY - this.y0) / this.spanY);
    let best = -1;
    let least = 1;
    for (let row = low; row <= high; row++) {
      const end = this.starts[row * this.side + right + 1];
      for (let k = this.starts[row * this.side + left]; k < end; k++) {
        const i = this.members[k];
        const dx = (this.xy[2 * i] - x) / reachX;
        const dy = (this.xy[2 * i + 1] - y) / reachY;
        const distance = dx * dx + dy * dy;
        if (distance < least || (distance === least && i < best)) {
          least = distance;
          best = i;
        }
      }
    }
    return best;
  }

  // 1 where a point lies inside by the even-odd rule; the same arithmetic as selected_rows
  inside(polygon) {
    const mask = new Uint8Array(this.count);
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const [x, y] of polygon) {
      left = Math.min(left, x);
      right = Math.max(right, x);
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
    for (let i = 0; i < this.count; i++) {
      const x = this.xy[2 * i];
      const y = this.xy[2 * i + 1];
      if (x < left || x > right || y < low || y > high) continue;
      let odd = 0;
      for (let a = 0; a < polygon.length; a++) {
        const [x1, y1] = polygon[a];
        const [x2, y2] = polygon[a + 1 === polygon.length ? 0 : a + 1];
        if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd ^= 1;
      }
      mask[i] = odd;
    }
    return mask;
  }
}

// Ramer, Douglas and Peucker: corners that stray less than `slack` from the line are left out
function simplify(path, slack) {
  if (path.length < 4) return path;
  const keep = new Uint8Array(path.length);
  keep[0] = keep[path.length - 1] = 1;
  const open = [[0, path.length - 1]];
  while (open.length) {
    const [a, b] = open.pop();
    const [ax, ay] = path[a];
    const [dx, dy] = [path[b][0] - ax, path[b][1] - ay];
    const length = Math.hypot(dx, dy);
    let [far, most] = [0, slack];
    for (let i = a + 1; i < b; i++) {
      const [px, py] = [path[i][0] - ax, path[i][1] - ay];
      const stray = length ? Math.abs(px * dy - py * dx) / length : Math.hypot(px, py);
      if (stray > most) [far, most] = [i, stray];
    }
    if (far) {
      keep[far] = 1;
      open.push([a, far], [far, b]);
    }
  }
  return path.filter((_, i) => keep[i]);
}
