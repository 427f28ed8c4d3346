// Carries one block of bytes (see pack in points.py) into the registry. Draws nothing.
const TYPES = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

function unpack(bytes) {
  const block = bytes.slice().buffer; // a copy of its own, so that arrays are aligned
  const length = new DataView(block).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(block, 4, length)));
  let at = 4 + length;
  for (const part of header.arrays) {
    const Type = TYPES[part.type];
    header[part.name] = new Type(block, at, part.length);
    at += Math.ceil((part.length * Type.BYTES_PER_ELEMENT) / 8) * 8;
  }
  return header;
}

export default function carry({ data }) {
  if (!(data instanceof Uint8Array)) return;
  const content = unpack(data);
  if (!arraysOf(content.kind, content.version)) {
    keepArrays(content.kind, content.version, content);
  }
}
