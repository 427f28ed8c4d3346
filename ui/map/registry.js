// What outlives a mount: arrays by version, and each map's zoom and lasso. Both components of the
// map share it through one symbol on window; zoom and lasso also survive a reload of the tab.
const REGISTRY = Symbol.for("dvgs.map");
const KEPT_ARRAYS = 12;
const KEPT_LAYOUTS = 6;
const registry = (window[REGISTRY] ??= { arrays: new Map(), waiting: new Set(), maps: new Map() });

function keepArrays(kind, version, content) {
  const name = `${kind}:${version}`;
  registry.arrays.delete(name);
  registry.arrays.set(name, content);
  for (const oldest of registry.arrays.keys()) {
    if (registry.arrays.size <= KEPT_ARRAYS) break;
    registry.arrays.delete(oldest);
  }
  for (const arrived of registry.waiting) arrived();
}

function arraysOf(kind, version) {
  const name = `${kind}:${version}`;
  const content = registry.arrays.get(name);
  if (content) {
    // what is drawn stays, however often its colours change: it is not sent again
    registry.arrays.delete(name);
    registry.arrays.set(name, content);
  }
  return content;
}

function memoryOf(map) {
  if (!registry.maps.has(map)) {
    const fresh = { mode: "pan", layouts: {}, lasso: 0, click: 0, clicked: null };
    try {
      Object.assign(fresh, JSON.parse(sessionStorage.getItem(`dvgs-map:${map}`) ?? "{}"));
    } catch {
      // storage may be closed to us or hold something old: start afresh
    }
    registry.maps.set(map, fresh);
  }
  return registry.maps.get(map);
}

function rememberMap(map) {
  const memory = registry.maps.get(map);
  const versions = Object.keys(memory.layouts);
  for (const version of versions.slice(0, Math.max(0, versions.length - KEPT_LAYOUTS))) {
    delete memory.layouts[version];
  }
  try {
    sessionStorage.setItem(`dvgs-map:${map}`, JSON.stringify(memory));
  } catch {
    // a full or closed storage costs a reload its zoom, nothing more
  }
}

// Grows with time, so that numbers of a reloaded or second tab are not taken for old ones.
function nextNumber(last) {
  return Math.max(last + 1, Date.now());
}
