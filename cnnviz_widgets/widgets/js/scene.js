// @ts-check
// What a scene is made of, where its tiles, pixels and cells are on the screen, and how its numbers read. Nothing is drawn.

import { say } from "./words.js";

/**
 * A ``Content`` as ImageView sends it. ``picture``, ``before`` and ``dark`` are numbers of sheets that were sent apart.
 * @typedef {object} Scene
 * @property {number} serial
 * @property {number} count
 * @property {[number, number]} size  height and width of a tile
 * @property {number | null} columns
 * @property {any} picture
 * @property {any} [before]
 * @property {any} [dark]
 * @property {Numbers | null} values
 * @property {number[] | null} [extent]
 * @property {string[]} names
 * @property {string[]} heads
 * @property {string} caption
 * @property {string} alt  what is to be seen, in words
 * @property {string[]} levels
 * @property {number[]} unseen
 * @property {boolean} signed
 * @property {(Field | null)[]} [fields]  one for all tiles, or one each
 */

/** Where the units of a layer look at, (y, x): as Python's ``render.Field``.
 * @typedef {{ cells: [number, number], size: [number, number], stride: [number, number], offset: [number, number] }} Field */

/**
 * Maps on the wire. ``rows`` and ``columns`` are where its cells begin, each a block of equal values; ``cells`` the size
 * of maps that are to be enlarged bilinearly.
 * @typedef {object} Numbers
 * @property {DataView} data
 * @property {"float32" | "uint8"} type
 * @property {[number, number]} size
 * @property {number[]} low
 * @property {number[]} high
 * @property {number[]} [rows]
 * @property {number[]} [columns]
 * @property {[number, number]} [cells]
 */

/** @typedef {{ data: Float32Array | Uint8Array, exact: boolean, size: [number, number], rows: number[], columns: number[], low: number[], high: number[], range(tile: number): [number, number], at(tile: number, row: number, column: number): number }} Maps */
/** @typedef {{ columns: number, rows: number, width: number, height: number, gap: number, head: number }} Place */
/** @typedef {{ tile: number, x: number, y: number, row: number | null, column: number | null }} Pointer */
/** What part is seen: of every tile, or of the ``whole`` sheet. x and y are the left and upper end, as shares.
 * @typedef {{ scale: number, x: number, y: number, whole: boolean }} Zoom */

export const ALL = Object.freeze({ scale: 1, x: 0, y: 0, whole: false });
const SHARP_BELOW = 64; // px; smaller pictures are enlarged without smoothing (as render.SHARP_BELOW)
const NOTHING = 255; // the code of NaN

/** Whether a scene's pictures are so small that their pixels are looked at. @param {Pick<Scene, "size" | "picture">} scene */
export const small = ({ picture, size }) => !picture || Math.max(...size) < SHARP_BELOW;

/**
 * The largest tiles with which a scene fits into a box, in px of the screen: render.layout, in JavaScript.
 * @param {Scene} scene
 * @returns {Place}
 */
export function layout(scene, box, gap, tall = box, head = 0) {
  const [height, width] = scene.size, { count } = scene, sharp = small(scene);
  const scale = (/** @type {number} */ columns) => {
    const rows = Math.ceil(count / columns);
    let fit = (box - gap * (columns - 1)) / (columns * width);
    if (!scene.columns || count === 1) fit = Math.min(fit, (tall + gap - rows * (gap + head)) / (rows * height));
    fit = Math.max(fit, 1 / width);
    return sharp && fit >= 2 && fit < 16 ? Math.floor(fit) : fit; // from 16 on, unequal cells are not to be seen
  };
  let columns = scene.columns ?? 1, size = scale(columns);
  if (!scene.columns) {
    for (let one = 2; one <= count; one++) size = Math.max(size, scale(one));
    const most = Math.max(1, Math.floor((box + gap) / (width * size + gap) + 1e-9));
    columns = Math.ceil(count / Math.ceil(count / most)); // as few as need no more rows
  }
  const mostWide = Math.floor((box - gap * (columns - 1)) / columns); // rounded up, several would be wider than the box
  const tileWidth = Math.max(1, Math.min(Math.floor(width * size + 0.5), mostWide));
  const tileHeight = Math.max(1, Math.floor(height * size + 0.5));
  return { columns, rows: Math.ceil(count / columns), width: tileWidth, height: tileHeight, gap, head };
}

/**
 * [left, top] of a tile, in px of the screen.
 * @returns {[number, number]}
 */
export function corner(tile, { columns, width, height, gap, head = 0 }) {
  return [(tile % columns) * (width + gap), Math.floor(tile / columns) * (height + gap + head) + head];
}

/** [width, height] of all tiles together. @returns {[number, number]} */
export function sheetSize({ columns, rows, width, height, gap, head }) {
  return [columns * (width + gap) - gap, rows * (height + gap + head) - gap];
}

/**
 * [left, top, width, height] at which a whole tile is drawn; what lies outside its window is not seen.
 * @param {Place} place
 * @param {Zoom} zoom
 * @returns {[number, number, number, number]}
 */
export function frame(tile, place, zoom = ALL) {
  const [left, top] = corner(tile, place), { scale, x, y, whole } = zoom;
  const [width, height] = [place.width * scale, place.height * scale];
  if (!whole) return [left - x * width, top - y * height, width, height];
  const [across, down] = sheetSize(place);
  return [(left - x * across) * scale, (top - y * down) * scale, width, height];
}

/**
 * [left, top, width, height] of what is seen of a tile.
 * @param {Place} place
 * @param {Zoom} zoom
 * @returns {[number, number, number, number]}
 */
export function pane(tile, place, zoom = ALL) {
  return zoom.whole ? frame(tile, place, zoom) : [...corner(tile, place), place.width, place.height];
}

/**
 * [left, top, width, height] of a scene's maps on a tile that is drawn so large, in px of the screen.
 * @param {Pick<Scene, "extent" | "size">} scene
 * @param {{ width: number, height: number }} tile
 */
export function overlay({ extent, size: [height, width] }, tile) {
  const [left, top, right, bottom] = extent ?? [0, 0, width, height];
  const [across, down] = [tile.width / width, tile.height / height];
  const round = (/** @type {number} */ value) => Math.floor(value + 0.5);
  const [x, y] = [round(left * across), round(top * down)];
  return [x, y, Math.max(1, round(right * across) - x), Math.max(1, round(bottom * down) - y)];
}

/**
 * What is at a px of the screen, in px of a tile's picture and not rounded: {tile, x, y}, or null beside the tiles.
 * Gaps and heads belong to a tile.
 * @param {Place} place
 * @param {Scene} scene
 * @param {Zoom} zoom
 */
export function position(left, top, place, scene, zoom = ALL) {
  const [across, down] = sheetSize(place), { scale } = zoom;
  if (zoom.whole) [left, top] = [left / scale + zoom.x * across, top / scale + zoom.y * down];
  const column = Math.floor(left / (place.width + place.gap));
  const row = Math.floor(top / (place.height + place.gap + place.head));
  const tile = row * place.columns + column;
  if (column < 0 || row < 0 || column >= place.columns || tile >= scene.count) return null;
  const [tileLeft, tileTop] = corner(tile, place), [height, width] = scene.size;
  let [x, y] = [(left - tileLeft) / place.width, (top - tileTop) / place.height];
  if (!zoom.whole) [x, y] = [zoom.x + Math.min(1, x) / scale, zoom.y + Math.max(0, y) / scale];
  return { tile, x: x * width, y: y * height };
}

/**
 * The pixel at a px of the screen, and the cell of its map; null beside the tiles.
 * @param {Place} place
 * @param {Scene} scene
 * @param {Zoom} zoom
 */
export function locate(left, top, place, scene, zoom = ALL) {
  const at = position(left, top, place, scene, zoom), [height, width] = scene.size;
  if (!at) return null;
  const inside = (/** @type {number} */ value, /** @type {number} */ length) => Math.max(0, Math.min(length - 1, Math.floor(value)));
  return pointer(at.tile, inside(at.x, width), inside(at.y, height), scene);
}

/**
 * A place in a scene with the cell of its map; the cell is null, null beside the map.
 * @param {Scene} scene
 * @returns {Pointer}
 */
export function pointer(tile, x, y, scene) {
  if (!scene.picture || !scene.values) return { tile, x, y, row: y, column: x };
  const [height, width] = scene.size, [rows, columns] = scene.values.size;
  const [left, top, right, bottom] = scene.extent ?? [0, 0, width, height];
  const row = Math.floor(((y + 0.5 - top) / (bottom - top)) * rows);
  const column = Math.floor(((x + 0.5 - left) / (right - left)) * columns);
  const inside = row >= 0 && column >= 0 && row < rows && column < columns;
  return { tile, x, y, row: inside ? row : null, column: inside ? column : null };
}

/**
 * [x, y, width, height] of what the unit under a place looks at, as far as it is in the picture; null: there is no unit.
 * @param {{ tile: number, x: number, y: number }} at
 * @param {Pick<Scene, "size" | "fields">} scene
 * @returns {[number, number, number, number] | null}
 */
export function fieldAt({ tile, x, y }, { size, fields }) {
  const field = fields?.[tile % fields.length];
  if (!field) return null;
  const [[top, bottom], [left, right]] = [y, x].map((place, axis) => {
    const unit = Math.floor(((place + 0.5) / size[axis]) * field.cells[axis]), length = field.size[axis];
    const start = field.offset[axis] + unit * field.stride[axis] - (length - 1) / 2;
    return [start, start + length].map((end) => Math.max(0, Math.min(size[axis], end)));
  });
  return [left, top, right - left, bottom - top];
}

/**
 * Where a key leads from a place; the same place at an edge, null if the key leads nowhere.
 * @param {{ tile: number, x: number, y: number }} at
 * @param {Place} place
 * @param {Scene} scene
 */
export function step(at, key, far, cursor, place, scene) {
  const direction = arrow(key);
  if (key === "Home") return pointer(0, 0, 0, scene);
  if (key === "End") return pointer(scene.count - 1, scene.size[1] - 1, scene.size[0] - 1, scene);
  if (!direction) return null;
  const [dx, dy] = direction;
  const column = at.tile % place.columns, row = Math.floor(at.tile / place.columns);
  const neighbor = (/** @type {number} */ c, /** @type {number} */ r) => {
    const tile = r * place.columns + c;
    return c < 0 || r < 0 || c >= place.columns || tile >= scene.count ? null : tile;
  };
  if (cursor === "tile") return pointer(neighbor(column + dx, row + dy) ?? at.tile, at.x, at.y, scene);
  const [height, width] = scene.size, by = far ? 10 : 1;
  const x = at.x + dx * by, y = at.y + dy * by;
  if (x >= 0 && y >= 0 && x < width && y < height) return pointer(at.tile, x, y, scene);
  const next = neighbor(column + dx, row + dy);
  if (next === null) return pointer(at.tile, Math.max(0, Math.min(width - 1, x)), Math.max(0, Math.min(height - 1, y)), scene);
  return pointer(next, dx ? (dx > 0 ? 0 : width - 1) : at.x, dy ? (dy > 0 ? 0 : height - 1) : at.y, scene);
}

/** [dx, dy] of an arrow key, else null. @returns {[number, number] | null} */
export function arrow(key) {
  switch (key) {
    case "ArrowLeft": return [-1, 0];
    case "ArrowRight": return [1, 0];
    case "ArrowUp": return [0, -1];
    case "ArrowDown": return [0, 1];
    default: return null;
  }
}

// ------------------------------------------------------------------------------------------------------------- zoom

/** By how much a key zooms; 0: all is shown. @type {Record<string, number>} */
export const ZOOM_KEYS = { "+": 2, "=": 2, "-": 0.5, 0: 0 };

/** @param {Zoom} zoom @returns {Zoom} */
function held(zoom) {
  const inside = (/** @type {number} */ start) => Math.max(0, Math.min(1 - 1 / zoom.scale, start));
  return zoom.scale <= 1 ? { ...ALL, whole: zoom.whole } : { ...zoom, x: inside(zoom.x), y: inside(zoom.y) };
}

/**
 * So many times as large, and what is at [x, y] of the window, in shares of it, stays there.
 * @param {Zoom} zoom
 */
export function zoomed(zoom, factor, [x, y], most) {
  const scale = Math.max(1, Math.min(most, zoom.scale * factor));
  return held({ ...zoom, scale, x: zoom.x + x / zoom.scale - x / scale, y: zoom.y + y / zoom.scale - y / scale });
}

/** Moved by shares of the window. @param {Zoom} zoom */
export const panned = (zoom, dx, dy) => held({ ...zoom, x: zoom.x - dx / zoom.scale, y: zoom.y - dy / zoom.scale });

/** Moved as little as brings [x, y], shares of all there is, into the window. @param {Zoom} zoom */
export function revealed(zoom, [x, y]) {
  const size = 1 / zoom.scale, near = (/** @type {number} */ start, /** @type {number} */ at) => Math.max(at - size, Math.min(at, start));
  return held({ ...zoom, x: near(zoom.x, x), y: near(zoom.y, y) });
}

/**
 * Where a px of the screen is in what zoom moves, and where a pixel of a tile is, as shares.
 * @param {Place} place
 * @returns {[number, number]}
 */
export function shareOfWindow(left, top, place, zoom) {
  const [across, down] = sheetSize(place);
  if (zoom.whole) return [left / across, top / down];
  const modulo = (/** @type {number} */ value, /** @type {number} */ length) => Math.max(0, value - Math.floor(value / length) * length);
  const share = (/** @type {number} */ value, /** @type {number} */ length) => Math.min(1, value / length);
  return [share(modulo(left, place.width + place.gap), place.width), share(Math.max(0, modulo(top, place.height + place.gap + place.head) - place.head), place.height)];
}

/** @param {{ tile: number, x: number, y: number }} at @param {Place} place @param {Scene} scene @returns {[number, number]} */
export function shareOfAll(at, place, scene, whole) {
  const share = [(at.x + 0.5) / scene.size[1], (at.y + 0.5) / scene.size[0]];
  if (!whole) return [share[0], share[1]];
  const [left, top] = corner(at.tile, place), [across, down] = sheetSize(place);
  return [(left + share[0] * place.width) / across, (top + share[1] * place.height) / down];
}

// ---------------------------------------------------------------------------------------------------------- numbers

/** What Python has sent, as a buffer of its own: aligned for every typed array. @param {DataView} sent */
export const received = ({ buffer, byteOffset, byteLength }) => /** @type {ArrayBuffer} */ (buffer.slice(byteOffset, byteOffset + byteLength));

/**
 * The maps of a scene: ``at(tile, row, column)`` is a number (NaN: none), ``data`` holds every pixel.
 * @param {Numbers} numbers
 * @returns {Maps}
 */
export function decode({ data, type, size, low, high, rows, columns, cells }) {
  const exact = type === "float32", [height, width] = size;
  const [down, across] = cells ?? [rows?.length ?? height, columns?.length ?? width];
  const each = down * across * (exact ? 4 : 1);
  if (data.byteLength % each) throw new RangeError(`${data.byteLength} bytes are no maps of ${each} bytes`);
  const bytes = received(data);
  let all = exact ? new Float32Array(bytes) : new Uint8Array(bytes);
  if (cells) all = enlarged(/** @type {Float32Array} */ (all), cells, size);
  else if (rows && columns) all = spread(all, rows, columns, size);
  /** @returns {[number, number]} */
  const range = (/** @type {number} */ tile) => [low[tile % low.length], high[tile % high.length]];
  const at = (/** @type {number} */ tile, /** @type {number} */ row, /** @type {number} */ column) => {
    const number = all[(tile * height + row) * width + column];
    if (exact) return number;
    const [least, greatest] = range(tile);
    return number === NOTHING ? NaN : least + (number / 254) * (greatest - least);
  };
  const every = (/** @type {number} */ length) => Array.from({ length }, (_, i) => i);
  return { data: all, exact, size, range, at, low, high, rows: rows ?? every(height), columns: columns ?? every(width) };
}

/**
 * Blocks of equal values as pixels.
 * @template {Float32Array | Uint8Array} T
 * @param {T} cells
 * @param {number[]} rows
 * @param {number[]} columns
 * @param {[number, number]} size
 * @returns {T}
 */
function spread(cells, rows, columns, [height, width]) {
  const count = cells.length / (rows.length * columns.length);
  const all = /** @type {T} */ (new /** @type {any} */ (cells.constructor)(count * height * width));
  for (let tile = 0, source = 0; tile < count; tile++) {
    for (const [r, top] of rows.entries()) {
      const from = (tile * height + top) * width, bottom = rows[r + 1] ?? height;
      for (const [c, left] of columns.entries()) all.fill(cells[source++], from + left, from + (columns[c + 1] ?? width));
      for (let row = top + 1; row < bottom; row++) all.copyWithin((tile * height + row) * width, from, from + width);
    }
  }
  return all;
}

/**
 * Maps enlarged bilinearly, as torch's ``interpolate(…, mode="bilinear", align_corners=False)`` does.
 * @param {Float32Array} cells
 * @param {[number, number]} from
 * @param {[number, number]} to
 */
function enlarged(cells, [rows, columns], [height, width]) {
  const count = cells.length / (rows * columns), all = new Float32Array(count * height * width);
  const taps = (/** @type {number} */ length, /** @type {number} */ few) => Array.from({ length }, (_, i) => {
    const at = Math.max(0, ((i + 0.5) * few) / length - 0.5), first = Math.floor(at);
    return [first, Math.min(few - 1, first + 1), at - first];
  });
  const down = taps(height, rows), across = taps(width, columns);
  for (let tile = 0, target = 0; tile < count; tile++) {
    const start = tile * rows * columns;
    for (const [top, bottom, y] of down) {
      const [upper, lower] = [start + top * columns, start + bottom * columns];
      for (const [left, right, x] of across) {
        const above = (1 - x) * cells[upper + left] + x * cells[upper + right];
        const below = (1 - x) * cells[lower + left] + x * cells[lower + right];
        all[target++] = (1 - y) * above + y * below;
      }
    }
  }
  return all;
}

/** A number to read: four significant digits, a real minus sign. */
export function format(value, digits = 4) {
  if (Number.isNaN(value)) return say("no value");
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e5 || size < 1e-4) ? value.toExponential(2) : String(+value.toPrecision(digits));
  return text.replaceAll("-", "−");
}

/** The two ends of a range to read, as fine as three digits of its width: [0.00008, 1.2] is 0 to 1.2. */
export function ends(low, high) {
  const step = high > low ? 10 ** (Math.floor(Math.log10(high - low)) - 2) : 0;
  return [low, high].map((end) => format(step ? Math.round(end / step) * step : end, 3));
}

/**
 * The value at a place, or what kind it is; "" beside the maps.
 * @param {Pointer} at
 * @param {Pick<Scene, "levels">} scene
 * @param {Pick<Maps, "at" | "exact"> | null} map
 * @param {number | null} [known]  the exact value, where the map has only codes
 */
export function valueAt(at, scene, map, known = null) {
  if (!map || at.row === null || at.column === null) return "";
  const value = known ?? map.at(at.tile, at.row, at.column);
  if (Number.isNaN(value)) return format(value);
  if (scene.levels?.length) return scene.levels[Math.round(value)] ?? "";
  return map.exact || known !== null ? format(value) : `≈ ${format(value, 3)}`;
}

/**
 * The line under the picture: which tile, where, and the value there.
 * @param {Pointer} at
 * @param {Scene} scene
 * @param {Maps | null} map
 * @param {number | null} [known]
 */
export function readout(at, scene, map, known = null) {
  const parts = [];
  const name = scene.names[at.tile] ?? (scene.count > 1 ? say("tile {number}", { number: at.tile }) : "");
  if (scene.picture) parts.push(...(name ? [name] : []), `x ${at.x}, y ${at.y}`);
  else parts.push(name ? `${name} (${at.y}, ${at.x})` : say("row {row}, column {column}", { row: at.y, column: at.x }));
  const value = valueAt(at, scene, map, known), field = fieldAt(at, scene);
  return [...parts, ...(value ? [value] : []), ...(field ? [say("sees {width} × {height} px", { width: Math.round(field[2]), height: Math.round(field[3]) })] : [])].join(" · ");
}

/** A name that every file system takes. */
export function fileName(title) {
  return (title.normalize("NFKD").replace(/[^\w]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "picture") + ".png";
}
