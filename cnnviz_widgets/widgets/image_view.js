// The browser's half of ImageView. The first part is pure and tested with plain node; the second draws and listens.

import { download, element, keepKeys, labelled, tell as send } from "./js/dom.js";

const PADDING = 4; // CSS px around the picture, in which the frame of a tile at its edge is drawn
const GAP = 2; // CSS px between tiles
const HEAD = 20, WIDE_GAP = 8; // CSS px above a tile for its name, and between such tiles (as in render)
const NARROWEST = 240; // CSS px that the lines under a small picture may take
const KINDS = 8; // that have a color of their own (as render.KINDS)
const SHARP_BELOW = 64; // px; smaller pictures are enlarged without smoothing (as render.SHARP_BELOW)
const HOVER_PAUSE = 50; // ms between two hover messages
const HOVER_PATIENCE = 1000; // ms after which an unanswered hover message counts as answered

/** The largest tiles with which a scene fits into a box, in px of the screen: render.layout, in JavaScript. */
export function layout(scene, box, gap, tall = box, head = 0) {
  const [height, width] = scene.size, { count } = scene;
  const sharp = !scene.picture || Math.max(height, width) < SHARP_BELOW;
  const scale = (columns) => {
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
  const [tileWidth, tileHeight] = [width, height].map((side) => Math.max(1, Math.floor(side * size + 0.5)));
  return { columns, rows: Math.ceil(count / columns), width: tileWidth, height: tileHeight, gap, head };
}

/** [left, top] of a tile, in px of the screen. */
export function corner(tile, { columns, width, height, gap, head = 0 }) {
  return [(tile % columns) * (width + gap), Math.floor(tile / columns) * (height + gap + head) + head];
}

/** [left, top, width, height] of a scene's maps on a tile, in px of the screen. */
export function overlay({ extent, size: [height, width] }, place) {
  const [left, top, right, bottom] = extent ?? [0, 0, width, height];
  const [across, down] = [place.width / width, place.height / height];
  const round = (value) => Math.floor(value + 0.5);
  const [x, y] = [round(left * across), round(top * down)];
  return [x, y, Math.max(1, round(right * across) - x), Math.max(1, round(bottom * down) - y)];
}

/** What is at a px of the screen: {tile, x, y, row, column}, or null beside the tiles. Gaps and heads belong to a tile. */
export function locate(left, top, place, scene) {
  const column = Math.floor(left / (place.width + place.gap));
  const row = Math.floor(top / (place.height + place.gap + place.head));
  const tile = row * place.columns + column;
  if (column < 0 || row < 0 || column >= place.columns || tile >= scene.count) return null;
  const [tileLeft, tileTop] = corner(tile, place);
  const [height, width] = scene.size;
  const x = Math.min(width - 1, Math.floor(((left - tileLeft) * width) / place.width));
  const y = Math.max(0, Math.min(height - 1, Math.floor(((top - tileTop) * height) / place.height)));
  return pointer(tile, x, y, scene);
}

/** A place in a scene with the cell of its map; the cell is null, null beside the map. */
export function pointer(tile, x, y, scene) {
  if (!scene.picture || !scene.values) return { tile, x, y, row: y, column: x };
  const [height, width] = scene.size, [rows, columns] = scene.values.size;
  const [left, top, right, bottom] = scene.extent ?? [0, 0, width, height];
  const row = Math.floor(((y + 0.5 - top) / (bottom - top)) * rows);
  const column = Math.floor(((x + 0.5 - left) / (right - left)) * columns);
  const inside = row >= 0 && column >= 0 && row < rows && column < columns;
  return { tile, x, y, row: inside ? row : null, column: inside ? column : null };
}

/** Where a key leads from a place; the same place at an edge, null if the key leads nowhere. */
export function step(at, key, far, cursor, place, scene) {
  const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (key === "Home") return pointer(0, 0, 0, scene);
  if (key === "End") return pointer(scene.count - 1, scene.size[1] - 1, scene.size[0] - 1, scene);
  if (!(key in directions)) return null;
  const [dx, dy] = directions[key];
  const column = at.tile % place.columns, row = Math.floor(at.tile / place.columns);
  const neighbor = (c, r) => {
    const tile = r * place.columns + c;
    return c < 0 || r < 0 || c >= place.columns || tile >= scene.count ? null : tile;
  };
  if (cursor === "tile") {
    return pointer(neighbor(column + dx, row + dy) ?? at.tile, at.x, at.y, scene);
  }
  const [height, width] = scene.size, by = far ? 10 : 1;
  const x = at.x + dx * by, y = at.y + dy * by;
  if (x >= 0 && y >= 0 && x < width && y < height) return pointer(at.tile, x, y, scene);
  const next = neighbor(column + dx, row + dy);
  if (next === null) {
    return pointer(at.tile, Math.max(0, Math.min(width - 1, x)), Math.max(0, Math.min(height - 1, y)), scene);
  }
  return pointer(next, (x + width) % width, (y + height) % height, scene);
}

/** The maps of a scene: ``at(tile, row, column)`` is a number (NaN: none), ``data`` what came over the wire. */
export function decode({ data, type, size, low, high }) {
  const exact = type === "float32", each = size[0] * size[1] * (exact ? 4 : 1);
  if (data.byteLength % each) throw new RangeError(`${data.byteLength} bytes are no maps of ${each} bytes`);
  const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength); // aligned for Float32Array
  const numbers = exact ? new Float32Array(bytes) : new Uint8Array(bytes);
  const [rows, columns] = size;
  const range = (tile) => [low[tile % low.length], high[tile % high.length]];
  const at = (tile, row, column) => {
    const number = numbers[(tile * rows + row) * columns + column];
    if (exact) return number;
    const [least, greatest] = range(tile);
    return number === 255 ? NaN : least + (number / 254) * (greatest - least);
  };
  return { data: numbers, exact, size, range, at, low, high };
}

/** Maps as one sheet of RGBA px, ``columns`` tiles wide: the formula of render.color, NaN is transparent. */
export function colorise(map, count, table, columns) {
  const [rows, width] = map.size, across = columns * width;
  const sheet = new Uint32Array(Math.ceil(count / columns) * rows * across);
  const palette = new Uint32Array(256); // little-endian RGBA, as every browser's machine has it
  for (let i = 0; i < 256; i++) {
    palette[i] = (255 << 24) | (table[3 * i + 2] << 16) | (table[3 * i + 1] << 8) | table[3 * i];
  }
  let source = 0;
  for (let tile = 0; tile < count; tile++) {
    const [low, high] = map.exact ? map.range(tile) : [0, 254];
    const span = high > low ? high - low : Infinity; // a range of no width is all low
    const [left, top] = corner(tile, { columns, width, height: rows, gap: 0 });
    for (let row = 0; row < rows; row++) {
      let target = (top + row) * across + left;
      for (let column = 0; column < width; column++, source++, target++) {
        const value = map.data[source];
        if (map.exact ? value !== value : value === 255) continue;
        const share = Math.min(1, Math.max(0, (value - low) / span));
        sheet[target] = palette[Math.floor(share * 255 + 0.5)];
      }
    }
  }
  return new Uint8ClampedArray(sheet.buffer);
}

/** A number to read: four significant digits, a real minus sign. */
export function format(value, digits = 4) {
  if (Number.isNaN(value)) return "no value";
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

/** The value at a place, or what kind it is; "" beside the maps. */
export function valueAt(at, scene, map) {
  if (!map || at.row === null) return "";
  const value = map.at(at.tile, at.row, at.column);
  if (Number.isNaN(value) || !scene.levels?.length) return format(value, map.exact ? 4 : 3);
  return scene.levels[Math.round(value)] ?? "";
}

/** The line under the picture: which tile, where, and the value there. */
export function readout(at, scene, map) {
  const parts = [];
  const name = scene.names[at.tile] ?? (scene.count > 1 ? `tile ${at.tile}` : "");
  if (scene.picture) parts.push(...(name ? [name] : []), `x ${at.x}, y ${at.y}`);
  else parts.push(name ? `${name} (${at.y}, ${at.x})` : `row ${at.y}, column ${at.x}`);
  const value = valueAt(at, scene, map);
  if (value) parts.push(map.exact || scene.levels?.length || value === "no value" ? value : `≈ ${value}`);
  return parts.join(" · ");
}

/** A name that every file system takes. */
export function fileName(title) {
  return (title.normalize("NFKD").replace(/[^\w]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "picture") + ".png";
}

// ------------------------------------------------------------------------------------------------------------------

const tool = (word, control) => labelled("cnnviz-tool", word, control);

function render({ model, el, tables }) {
  const caption = element("div", "cnnviz-caption");
  const pixels = element("canvas", "cnnviz-pixels", { role: "img" });
  const marks = element("canvas", "cnnviz-marks", { "aria-hidden": "true" });
  const labels = element("div", "cnnviz-labels");
  const stage = element("div", "cnnviz-stage", { tabindex: "0", role: "group" }, pixels, marks, labels);
  const line = element("span", "cnnviz-readout", { role: "status", "aria-live": "off" });
  const save = element("button", "cnnviz-button", { type: "button", title: "Download this picture as a PNG file" }, "↓ PNG");
  const opacity = element("input", "cnnviz-opacity", { type: "range", min: 0, max: 1, step: 0.01, title: "Opacity of the map over the picture" });
  const opacityLabel = tool("Opacity", opacity);
  const colors = element("select", "cnnviz-colors", { title: "Colors of the map, from low to high" });
  const ramp = element("canvas", "cnnviz-ramp", { width: 256, height: 1, "aria-hidden": "true" });
  const [low, high] = [element("span", "cnnviz-end"), element("span", "cnnviz-end")];
  const scale = element("span", "cnnviz-scale", { title: "The values at the two ends of the colors" }, low, ramp, high);
  const colorsLabel = tool("Colors", colors), legend = element("div", "cnnviz-legend");
  const tools = element("div", "cnnviz-tools", {}, opacityLabel, colorsLabel, scale, legend);
  const foot = element("div", "cnnviz-foot", {}, line, save);
  const root = element("div", "cnnviz-image-view", {}, caption, stage, foot, tools);
  caption.hidden = tools.hidden = true;
  for (const name of Object.keys(tables)) if (name !== "levels") colors.append(new Option(name, name));
  el.classList.add("cnnviz-image");
  el.append(root);

  let scene = null; // what is on the screen
  let bitmap = null; // its pictures, decoded
  let map = null; // its numbers, decoded
  let sheet = null; // its numbers, colored
  let place = null; // its layout
  let ratio = 1; // px of the screen per CSS px
  let cursor = null; // where the pointer or the arrow keys are
  let echo = null; // where they are in another view of the group, as shares of its width and height
  let byKeys = false;
  const cleanup = new AbortController();
  const { signal } = cleanup;

  const sheetColumns = () => Math.ceil(Math.sqrt(scene.count));

  function color() {
    colors.value = model.get("colormap");
    const table = tables[scene?.levels.length ? "levels" : colors.value];
    legend.replaceChildren(...(scene?.levels ?? []).flatMap((name, level) => {
      if (!name) return []; // a kind that there is not
      const first = 3 * Math.floor((255 * (level + 0.5)) / KINDS), swatch = element("span", "cnnviz-swatch");
      swatch.style.background = `rgb(${table.slice(first, first + 3)})`;
      return element("span", "cnnviz-level", {}, swatch, name);
    }));
    const gradient = Uint8ClampedArray.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : table[3 * (i >> 2) + (i % 4)]));
    ramp.getContext("2d").putImageData(new ImageData(gradient, 256), 0, 0);
    if (!map) return;
    const columns = sheetColumns();
    sheet ??= document.createElement("canvas");
    sheet.width = columns * map.size[1];
    sheet.height = Math.ceil(scene.count / columns) * map.size[0];
    sheet.getContext("2d").putImageData(new ImageData(colorise(map, scene.count, table, columns), sheet.width), 0, 0);
  }

  function fit() {
    const available = Math.min(model.get("max_width"), el.clientWidth) - 2 * PADDING;
    if (available <= 0 || !scene) return false;
    ratio = window.devicePixelRatio || 1;
    stage.classList.toggle("cnnviz-empty", !scene.count);
    const box = Math.floor(available * ratio), tallest = model.get("max_height");
    const tall = tallest === null ? box : Math.floor(tallest * ratio);
    const [gap, head] = (model.get("labels") ? [WIDE_GAP, HEAD] : [GAP, 0]).map((px) => Math.round(px * ratio));
    place = scene.count ? layout(scene, box, gap, tall, head) : null;
    if (!place && pixels.width > 1 && pixels.style.width) return true; // keeps the room of what was there before
    const width = place ? place.columns * (place.width + place.gap) - place.gap : box;
    const height = place ? place.rows * (place.height + place.gap + head) - place.gap : Math.min(width, tall);
    const border = Math.round(PADDING * ratio);
    for (const [canvas, more] of [[pixels, 0], [marks, 2 * border]]) {
      if (canvas.width !== width + more) canvas.width = width + more;
      if (canvas.height !== height + more) canvas.height = height + more;
      canvas.style.width = `${canvas.width / ratio}px`;
      canvas.style.height = `${canvas.height / ratio}px`;
    }
    for (const [tile, label] of place ? [...labels.children].entries() : []) {
      const [left, top] = corner(tile, place);
      label.style.cssText = `left: ${left / ratio}px; top: ${(top - head) / ratio}px; width: ${place.width / ratio}px`;
    }
    foot.style.maxWidth = tools.style.maxWidth = `${Math.max(NARROWEST, width / ratio + 2 * PADDING)}px`; // buttons end where the picture ends
    return true;
  }

  function paint() {
    if (!fit()) return;
    const context = pixels.getContext("2d");
    context.clearRect(0, 0, pixels.width, pixels.height);
    const smooth = model.get("smooth");
    const put = (source, tile, [rows, across], columns, [x, y, width, height], sharp) => {
      const [left, top] = corner(tile, { columns, width: across, height: rows, gap: 0 });
      context.imageSmoothingEnabled = smooth || !sharp || width < 2 * across;
      context.imageSmoothingQuality = "high";
      context.drawImage(source, left, top, across, rows, x, y, width, height);
    };
    for (let tile = 0; tile < scene.count; tile++) {
      const [left, top] = corner(tile, place);
      context.save();
      context.beginPath();
      context.rect(left, top, place.width, place.height);
      context.clip();
      if (bitmap) {
        const sharp = Math.max(...scene.size) < SHARP_BELOW;
        const { count, size, columns } = scene.picture; // one picture may stand for all
        put(bitmap, tile % count, size, columns, [left, top, place.width, place.height], sharp);
      }
      if (map && !scene.unseen.includes(tile)) {
        const [x, y, width, height] = overlay(scene, place);
        context.globalAlpha = bitmap ? model.get("opacity") : 1;
        put(sheet, tile, map.size, sheetColumns(), [left + x, top + y, width, height], true);
      }
      context.restore();
    }
    mark();
  }

  function mark() {
    const context = marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, marks.width, marks.height);
    if (!place) return;
    const border = Math.round(PADDING * ratio);
    context.translate(border, border);
    const cell = [place.width / scene.size[1], place.height / scene.size[0]];
    const selected = model.get("selected");
    const outlined = (path, color, width) => {
      for (const [style, thick] of [["rgba(0, 0, 0, .75)", width + 2], [color, width]]) {
        context.strokeStyle = style;
        context.lineWidth = thick * ratio;
        context.beginPath();
        path();
        context.stroke();
      }
    };
    const box = (tile, [x, y, width, height], outside) => {
      const [left, top] = corner(tile, place);
      const away = outside * ratio;
      context.rect(left + x * cell[0] - away, top + y * cell[1] - away, width * cell[0] + 2 * away, height * cell[1] + 2 * away);
    };
    const cross = (tile, [column, row]) => {
      const [left, top] = corner(tile, place);
      const [x, y] = [left + (column + 0.5) * cell[0], top + (row + 0.5) * cell[1]];
      const hole = Math.max(4 * ratio, Math.max(...cell) / 2 + ratio), arm = hole + 9 * ratio;
      context.save();
      context.beginPath();
      box(tile, [0, 0, scene.size[1], scene.size[0]], 2);
      context.clip(); // not into the name of the next one
      outlined(() => {
        for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
          context.moveTo(x + dx * hole, y + dy * hole);
          context.lineTo(x + dx * arm, y + dy * arm);
        }
        if (Math.min(...cell) >= 4 * ratio) box(tile, [column, row, 1, 1], 0);
      }, "white", 1.5);
      context.restore();
    };
    const whole = [0, 0, scene.size[1], scene.size[0]];
    const marked = selected !== null && selected < scene.count ? [selected] : [...Array(scene.count).keys()];
    for (const tile of marked) {
      const rectangle = model.get("rectangle"), crosshair = model.get("crosshair");
      if (rectangle) outlined(() => box(tile, rectangle, 0), "white", 2);
      if (crosshair) cross(tile, crosshair);
    }
    const at = linked() && spot();
    for (let tile = 0; at && tile < scene.count; tile++) if (tile !== cursor?.tile) cross(tile, [at.x, at.y]);
    const accent = getComputedStyle(stage).getPropertyValue("--jp-brand-color1").trim() || "#1976d2";
    if (selected !== null && selected < scene.count) {
      context.strokeStyle = accent;
      context.lineWidth = 3 * ratio;
      context.beginPath();
      box(selected, whole, 1.5);
      context.stroke();
    }
    if (!cursor || cursor.tile >= scene.count) return;
    if (model.get("cursor") === "tile") {
      if (scene.count > 1) outlined(() => box(cursor.tile, whole, 0.5), "white", 1);
    } else if (byKeys || Math.min(...cell) >= 6 * ratio) {
      const grow = Math.max(0, 3 - Math.min(...cell) / ratio / 2); // a pixel too small to see gets a box around it
      outlined(() => box(cursor.tile, [cursor.x, cursor.y, 1, 1], grow), "white", 1);
    }
  }

  function describe() {
    const alt = model.get("alt"), keys = model.get("cursor") === "tile" ? "choose a tile" : "move over the picture";
    caption.textContent = caption.title = scene?.caption ?? "";
    caption.hidden &&= !caption.textContent; // once there it stays, and nothing jumps
    pixels.setAttribute("aria-label", alt);
    stage.setAttribute("aria-label", `${alt}; arrow keys ${keys}${model.get("_clickable") ? ", Enter clicks" : ""}`);
    stage.classList.toggle("cnnviz-clickable", model.get("_clickable"));
    opacity.value = model.get("opacity");
    opacityLabel.hidden = !scene?.picture;
    legend.hidden = !scene?.levels.length;
    colorsLabel.hidden = scale.hidden = !legend.hidden;
    tools.hidden = !model.get("controls") || (tools.hidden && !scene?.values);
    tools.classList.toggle("cnnviz-asleep", !map);
    scale.classList.toggle("cnnviz-asleep", !map);
    if (map) {
      const same = map.low.length === 1 && map.high.length === 1;
      [low.textContent, high.textContent] = same ? ends(map.low[0], map.high[0]) : scene.signed ? ["below 0", "above 0"] : ["least", "greatest"];
      scale.title = scene.signed ? "Red is above 0, blue below: the values at the two ends" : "The values at the two ends of the colors";
    }
    el.style.maxWidth = `${model.get("max_width")}px`;
    const names = !model.get("labels") || !scene ? [] : scene.heads.length ? scene.heads : scene.names;
    labels.classList.toggle("cnnviz-spilling", Boolean(scene?.heads.length)); // one head for several tiles
    if (names.join("\n") === [...labels.children].map((label) => label.title).join("\n")) return;
    labels.replaceChildren(...names.map((name) => {
      const at = name.lastIndexOf(" · "), end = at < 0 ? name.length : at; // the number behind it is not cut off
      const written = element("span", "cnnviz-name", {}, element("span", "", {}, name.slice(0, end)), element("span", "", {}, name.slice(end)));
      return element("div", "cnnviz-label", { title: name }, written, element("span", "cnnviz-value"));
    }));
  }

  const tell = (message) => send(model, message);

  function show(next, decoded = null, numbers = null) {
    bitmap?.close();
    [scene, bitmap, map] = [next, decoded, numbers];
    color();
    describe();
    paint();
  }

  let askedAgain = 0; // serial of a scene that came damaged and was asked for once more
  async function load() {
    const next = model.get("_scene");
    let decoded = null, numbers = null;
    if (!scene) show(next); // room for it, while it is decoded: what is below does not jump
    try {
      numbers = next.values && decode(next.values);
      if (next.picture) decoded = await createImageBitmap(new Blob([next.picture.data], { type: next.picture.type }));
    } catch (error) {
      if (askedAgain === next.serial) throw error;
      askedAgain = next.serial;
      console.warn(`scene ${next.serial} came damaged and is asked for again:`, error);
      return tell({ do: "again" });
    }
    if (signal.aborted || next !== model.get("_scene")) return decoded?.close();
    show(next, decoded, numbers);
    if (cursor) point(cursor.tile < scene.count ? pointer(cursor.tile, cursor.x, cursor.y, scene) : null, byKeys);
    else if (echo) read();
    tell({ do: "drawn", serial: scene.serial });
  }

  // One hover message is on its way at a time: a busy kernel never has a queue of old places to work through.
  const hover = { wanted: undefined, sent: undefined, resting: false, waiting: 0 };
  function sendHover() {
    if (hover.resting || hover.waiting || hover.wanted === hover.sent) return;
    hover.sent = hover.wanted;
    tell({ do: "hover", at: hover.sent });
    hover.resting = true;
    setTimeout(() => ((hover.resting = false), sendHover()), HOVER_PAUSE);
    hover.waiting = setTimeout(hovered, HOVER_PATIENCE);
  }
  function hovered() {
    clearTimeout(hover.waiting);
    hover.waiting = 0;
    if (!signal.aborted) sendHover();
  }

  const message = (at) => at && [at.tile, at.x, at.y, at.row, at.column];

  const linked = () => model.get("cursor") === "pixel" && (model.get("labels") || (echo && !cursor));

  /** The pointer, or its echo. */
  function spot() {
    if (cursor || !echo || !scene?.count) return cursor;
    return pointer(0, Math.floor(echo[0] * scene.size[1]), Math.floor(echo[1] * scene.size[0]), scene);
  }

  /** Write what is at the pointer: under the picture, and for every tile that has a name above it. */
  function read() {
    const at = spot();
    const one = cursor || scene?.count === 1; // an echo is in no tile of several
    line.textContent = at ? (one ? readout(at, scene, map) : `x ${at.x}, y ${at.y}`) : "";
    for (const [tile, label] of [...labels.children].entries()) {
      label.lastChild.textContent = at && linked() ? valueAt(pointer(tile, at.x, at.y, scene), scene, map) : "";
    }
    mark();
  }

  function point(at, keys) {
    const moved = at?.tile !== cursor?.tile || at?.x !== cursor?.x || at?.y !== cursor?.y;
    [cursor, byKeys] = [at, keys];
    line.setAttribute("aria-live", keys ? "polite" : "off"); // a moving mouse would talk without end
    read();
    if (moved && model.get("group")) {
      const shares = at && [(at.x + 0.5) / scene.size[1], (at.y + 0.5) / scene.size[0]];
      document.dispatchEvent(new CustomEvent("cnnviz-point", { detail: { from: root, group: model.get("group"), shares } }));
    }
    if (moved && model.get("_hoverable")) {
      hover.wanted = message(at);
      sendHover();
    }
  }

  function under(event) {
    const box = pixels.getBoundingClientRect();
    const inside = (value, length) => Math.max(0, Math.min(length - 1, value)); // the border belongs to the edge
    const left = inside(((event.clientX - box.left) / box.width) * pixels.width, pixels.width);
    const top = inside(((event.clientY - box.top) / box.height) * pixels.height, pixels.height);
    return place && locate(left, top, place, scene);
  }

  function click(at) {
    if (!at) return;
    if (model.get("cursor") === "tile" && model.get("_clickable")) model.set("selected", at.tile); // Python follows
    tell({ do: "click", at: message(at) });
  }

  const listen = (target, type, handler) => target.addEventListener(type, handler, { signal });
  listen(stage, "pointermove", (event) => point(under(event), false));
  listen(stage, "pointerleave", () => point(null, false));
  listen(stage, "click", (event) => click(byKeys || !cursor ? under(event) : cursor)); // a click has whole px, a move finer ones
  listen(stage, "blur", () => byKeys && point(null, false));
  listen(stage, "keydown", (event) => {
    if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
    const start = { tile: model.get("selected") ?? 0, x: scene.size[1] >> 1, y: scene.size[0] >> 1 };
    if (event.key === "Enter" || event.key === " ") click(cursor ?? pointer(start.tile, start.x, start.y, scene));
    else {
      const next = step(cursor ?? start, event.key, event.shiftKey, model.get("cursor"), place, scene);
      if (!next) return;
      point(next, true);
    }
    event.preventDefault(); // the page would scroll
  });
  listen(root, "keydown", keepKeys);
  listen(opacity, "input", () => model.set("opacity", Number(opacity.value)));
  listen(colors, "change", () => model.set("colormap", colors.value));
  listen(save, "click", () => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [pixels.width, pixels.height];
    const context = copy.getContext("2d"), border = Math.round(PADDING * ratio);
    if (place?.head) {
      context.fillStyle = "white";
      context.fillRect(0, 0, copy.width, copy.height);
    }
    context.drawImage(pixels, 0, 0);
    context.drawImage(marks, -border, -border);
    context.font = `${12 * ratio}px sans-serif`;
    context.fillStyle = "#212121";
    for (const [tile, { title }] of place ? [...labels.children].entries() : []) {
      const [left, top] = corner(tile, place);
      context.fillText(title, left, top - 6 * ratio, place.width);
    }
    copy.toBlob((blob) => {
      download(fileName(scene.caption || model.get("alt")), blob);
    });
  });
  listen(document, "cnnviz-point", ({ detail: { from, group, shares } }) => {
    if (from === root || group !== model.get("group")) return;
    echo = shares;
    if (place) read();
  });
  listen(window, "resize", paint); // the browser's zoom changes the px of the screen

  const changes = {
    "change:_scene": load,
    "change:colormap": () => (color(), paint()),
    "change:opacity": () => (describe(), paint()),
    "change:smooth change:max_width change:max_height change:labels": () => (describe(), paint()),
    "change:selected change:crosshair change:rectangle change:cursor": mark,
    "change:alt change:controls change:_clickable": describe,
    "msg:custom": ({ do: what }) => what === "hovered" && hovered(),
  };
  for (const [names, handler] of Object.entries(changes)) for (const name of names.split(" ")) model.on(name, handler);
  const observer = new ResizeObserver(paint);
  observer.observe(el);
  load();

  return () => {
    cleanup.abort();
    observer.disconnect();
    clearTimeout(hover.waiting);
    for (const [names, handler] of Object.entries(changes)) for (const name of names.split(" ")) model.off(name, handler);
    bitmap?.close();
    root.remove();
  };
}

export default { render };
