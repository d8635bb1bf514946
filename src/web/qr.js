// Owns drawing a QR code (ISO/IEC 18004): bytes only, error correction level M, versions 1 to 10, which is up to 213 bytes.

/** By version: bytes of error correction in a block, then [blocks, data bytes in each] once or twice. */
const layouts = [
  [10, [1, 16]], [16, [1, 28]], [26, [1, 44]], [18, [2, 32]], [24, [2, 43]],
  [16, [4, 27]], [18, [4, 31]], [22, [2, 38], [2, 39]], [22, [3, 36], [2, 37]], [26, [4, 43], [1, 44]],
];
const dataBytes = ([, ...groups]) => groups.reduce((sum, [blocks, bytes]) => sum + blocks * bytes, 0);
/** Mode (4 bits) and length (8 bits, 16 from version 10) come before the text. */
const headBits = (version) => (version < 10 ? 12 : 20);

/**
 * @param {string} text
 * @returns {boolean[][]} rows of modules, true is dark; without the light margin of 4 modules that must surround it
 * @throws {RangeError} if the text is longer than 213 bytes
 */
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const fits = (layout, index) => headBits(index + 1) + 8 * bytes.length <= 8 * dataBytes(layout);
  const version = layouts.findIndex(fits) + 1;
  if (version === 0) throw new RangeError('too long for a QR code');
  const codewords = interleave(pack(bytes, version), layouts[version - 1]);
  const drawn = [0, 1, 2, 3, 4, 5, 6, 7].map((mask) => draw(version, codewords, mask));
  return drawn.map((rows) => [penalty(rows), rows]).reduce((best, one) => (one[0] < best[0] ? one : best))[1];
}

/** The bytes with their head and padding: exactly the data that this version holds. */
function pack(bytes, version) {
  const capacity = dataBytes(layouts[version - 1]);
  const length = version < 10 ? [bytes.length] : [bytes.length >> 8, bytes.length & 255];
  // Mode 4 is bytes; the terminator is four zero bits, which also completes the last byte.
  const nibbles = [4, ...[...length, ...bytes].flatMap((byte) => [byte >> 4, byte & 15]), 0];
  const data = [];
  for (let i = 0; i < nibbles.length; i += 2) data.push((nibbles[i] << 4) | nibbles[i + 1]);
  for (let pad = 0xec; data.length < capacity; pad ^= 0xec ^ 0x11) data.push(pad);
  return data;
}

function interleave(data, [checkBytes, ...groups]) {
  const sizes = groups.flatMap(([blocks, bytes]) => Array(blocks).fill(bytes));
  let start = 0;
  const blocks = sizes.map((size) => data.slice(start, (start += size)));
  const checks = blocks.map((block) => remainder(block, generator(checkBytes)));
  const across = (lists) =>
    Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, i) => lists.map((list) => list[i])).flat();
  return [...across(blocks), ...across(checks)].filter((byte) => byte !== undefined);
}

// Reed-Solomon over GF(256) with the polynomial 0x11d.

function times(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    product ^= ((b >> bit) & 1) * a;
  }
  return product;
}

function generator(degree) {
  const factors = [...Array(degree - 1).fill(0), 1];
  let root = 1;
  for (let i = 0; i < degree; i += 1) {
    for (let j = 0; j < degree; j += 1) factors[j] = times(factors[j], root) ^ (factors[j + 1] ?? 0);
    root = times(root, 2);
  }
  return factors;
}

function remainder(data, divisor) {
  const rest = Array(divisor.length).fill(0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    divisor.forEach((part, i) => (rest[i] ^= times(part, factor)));
  }
  return rest;
}

// The picture.

const masks = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

function draw(version, codewords, mask) {
  const size = 17 + 4 * version;
  const rows = Array.from({ length: size }, () => Array(size).fill(undefined));
  const set = (x, y, dark) => rows[y]?.[x] === undefined && x >= 0 && x < size && y >= 0 && y < size && (rows[y][x] = Boolean(dark));
  drawFinders(size, set);
  drawFormat(size, set, mask);
  if (version >= 7) drawVersion(size, set, version);
  drawAlignment(version, size, rows, set);
  for (let i = 0; i < size; i += 1) set(i, 6, i % 2 === 0), set(6, i, i % 2 === 0);
  fill(rows, codewords, mask);
  return rows;
}

function drawFinders(size, set) {
  for (const [left, top] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    for (let dy = -4; dy <= 4; dy += 1) {
      for (let dx = -4; dx <= 4; dx += 1) set(left + dx, top + dy, ![2, 4].includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  }
}

function drawAlignment(version, size, rows, set) {
  if (version === 1) return;
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((size - 13) / (2 * (count - 1))) * 2;
  const centres = [6, ...Array.from({ length: count - 1 }, (_, i) => size - 7 - i * step)];
  const isFinder = (x, y) => (x === 6 && y === 6) || (x === 6 && y === size - 7) || (x === size - 7 && y === 6);
  for (const x of centres) {
    for (const y of centres) {
      if (isFinder(x, y)) continue;
      for (let i = 0; i < 25; i += 1) {
        const [dx, dy] = [(i % 5) - 2, Math.floor(i / 5) - 2];
        set(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
      }
    }
  }
}

/** `bits` followed by the remainder of a division by `divisor`, whose degree is `degree`. */
function withRemainder(bits, degree, divisor) {
  let rest = bits << degree;
  for (let i = 31 - Math.clz32(rest); i >= degree; i -= 1) if ((rest >> i) & 1) rest ^= divisor << (i - degree);
  return (bits << degree) | rest;
}

function drawFormat(size, set, mask) {
  // Level M is 00.
  const bits = withRemainder(mask, 10, 0x537) ^ 0x5412;
  for (let i = 0; i < 15; i += 1) {
    const dark = (bits >> i) & 1;
    const [x, y] = i < 6 ? [8, i] : i < 8 ? [8, i + 1] : i === 8 ? [7, 8] : [14 - i, 8];
    set(x, y, dark);
    if (i < 8) set(size - 1 - i, 8, dark);
    else set(8, size - 15 + i, dark);
  }
  set(8, size - 8, true);
}

function drawVersion(size, set, version) {
  const bits = withRemainder(version, 12, 0x1f25);
  for (let i = 0; i < 18; i += 1) {
    const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
    set(a, b, (bits >> i) & 1);
    set(b, a, (bits >> i) & 1);
  }
}

/** The codewords in what is still free: columns of two from the right, up and down, around the timing column. */
function fill(rows, codewords, mask) {
  const size = rows.length;
  let bit = 0;
  let up = true;
  for (let right = size - 1; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i += 1) {
      const y = up ? size - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (rows[y][x] !== undefined) continue;
        const dark = ((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
        rows[y][x] = Boolean(dark) !== masks[mask](x, y);
        bit += 1;
      }
    }
  }
}

/** How hard it is to read (section 7.8.3). */
function penalty(rows) {
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  let points = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map(Number).join('');
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) points += run.length - 2;
    points += 40 * [...text.matchAll(/(?=10111010000|00001011101)/g)].length;
  }
  for (let y = 1; y < rows.length; y += 1) {
    for (let x = 1; x < rows.length; x += 1) {
      if ([rows[y - 1][x], rows[y][x - 1], rows[y - 1][x - 1]].every((dark) => dark === rows[y][x])) points += 3;
    }
  }
  const dark = rows.flat().filter(Boolean).length;
  return points + 10 * Math.floor(Math.abs((20 * dark) / rows.length ** 2 - 10));
}

/** The code as an SVG element, dark on light whatever the theme: that is what cameras read. */
export function svg(text, label) {
  const rows = encode(text);
  const size = rows.length + 8;
  const make = (name, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const picture = make('svg', { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': label, 'shape-rendering': 'crispEdges' });
  const path = rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + 4} ${y + 4}h1v1h-1z` : ''))).join('');
  picture.append(make('rect', { width: size, height: size, fill: '#fff' }), make('path', { d: path, fill: '#000' }));
  return picture;
}
