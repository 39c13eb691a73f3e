// @ts-check
// Draws a scene: its pictures, the colors of its maps, numbers in large cells, and the marks over them.

import { corner, format, frame, overlay, pane, small } from "./scene.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Maps} Maps */
/** @typedef {import("./scene.js").Place} Place */
/** @typedef {import("./scene.js").Zoom} Zoom */
/** Pictures on one sheet, decoded. @typedef {{ image: CanvasImageSource, count: number, columns: number, size: [number, number] }} Sheet */

const NUMBERS_FROM = 22; // CSS px that a cell must have in both directions for its number
const PIXELS_FROM = 8; // CSS px from which the pixels of a photograph are shown as squares

/**
 * Maps as one sheet of RGBA px, ``columns`` tiles wide: the formula of render.color, NaN is transparent.
 * @param {Pick<Maps, "data" | "exact" | "size" | "range">} map
 * @param {ArrayLike<number>} table  256 RGB colors
 */
export function colorize(map, count, table, columns) {
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

/** Whether dark numbers are read better on a color of a table. @param {ArrayLike<number>} table */
export const light = (table, index) => 0.3 * table[3 * index] + 0.59 * table[3 * index + 1] + 0.11 * table[3 * index + 2] > 140;

/** How many tiles stand side by side on the sheet of colored maps. @param {number} count */
export const sheetColumns = (count) => Math.ceil(Math.sqrt(count));

/**
 * A scene's pictures and maps.
 * @param {CanvasRenderingContext2D} context
 * @param {{ scene: Scene, place: Place, zoom: Zoom, ratio: number, picture: Sheet | null, before: Sheet | null, map: Maps | null, colored: CanvasImageSource | null }} shown
 * @param {{ opacity: number, smooth: boolean, wipe: number, numbers: boolean, digits?: number, table: ArrayLike<number>, strength: number, keepColors: boolean }} look
 */
export function paint(context, { scene, place, zoom, ratio, picture, before, map, colored }, { opacity, smooth, wipe, numbers, digits = 2, table, strength, keepColors }) {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  /** @param {CanvasImageSource} source */
  const put = (source, tile, [rows, across], columns, [x, y, width, height], sharp) => {
    const [left, top] = corner(tile, { columns, width: across, height: rows, gap: 0 });
    context.imageSmoothingEnabled = smooth || !sharp || width < 2 * across;
    context.imageSmoothingQuality = "high";
    context.drawImage(source, left, top, across, rows, x, y, width, height);
  };
  const cell = (place.width * zoom.scale) / scene.size[1] / ratio;
  const sharp = small({ picture: true, size: scene.size }) || cell >= PIXELS_FROM;
  for (let tile = 0; tile < scene.count; tile++) {
    const whole = frame(tile, place, zoom), seen = pane(tile, place, zoom);
    if (seen[0] > context.canvas.width || seen[1] > context.canvas.height || seen[0] + seen[2] < 0 || seen[1] + seen[3] < 0) continue;
    context.save();
    context.beginPath();
    context.rect(...seen);
    context.clip();
    if (picture) put(picture.image, tile % picture.count, picture.size, picture.columns, whole, sharp);
    const putBefore = () => before && put(before.image, tile % before.count, before.size, before.columns, whole, sharp);
    if (keepColors) {
      context.globalCompositeOperation = "color"; // hue and chroma of the picture before, luminance of this one
      putBefore();
      context.globalCompositeOperation = "source-over";
    }
    context.globalAlpha = 1 - strength;
    if (strength < 1) putBefore();
    context.globalAlpha = 1;
    if (map && colored && !scene.unseen.includes(tile)) {
      const [x, y, width, height] = overlay(scene, { width: whole[2], height: whole[3] });
      /** @type {[number, number, number, number]} */
      const box = [whole[0] + x, whole[1] + y, width, height];
      context.globalAlpha = picture ? opacity : 1;
      put(colored, tile, map.size, sheetColumns(scene.count), box, true);
      context.globalAlpha = 1;
      if (numbers && !scene.levels.length) writeNumbers(context, map, tile, box, seen, ratio, picture ? opacity : 1, table, digits);
    }
    if (before) {
      context.beginPath();
      context.rect(seen[0], seen[1], seen[2] * wipe, seen[3]);
      context.clip();
      putBefore();
    }
    context.restore();
  }
}

/**
 * The numbers of the cells of a map that are large enough for them.
 * @param {CanvasRenderingContext2D} context
 * @param {Maps} map
 */
export function writeNumbers(context, map, tile, [left, top, width, height], seen, ratio, opacity, table, digits) {
  const [rows, columns] = map.size, [across, down] = [width / columns, height / rows];
  const [low, high] = map.range(tile), span = high > low ? high - low : Infinity;
  const visible = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ start, /** @type {number} */ length) => to > start && from < start + length;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [r, row] of map.rows.entries()) {
    const y = top + row * down, bottom = top + (map.rows[r + 1] ?? rows) * down;
    if (bottom - y < NUMBERS_FROM * ratio || !visible(y, bottom, seen[1], seen[3])) continue;
    for (const [c, column] of map.columns.entries()) {
      const x = left + column * across, right = left + (map.columns[c + 1] ?? columns) * across;
      if (right - x < NUMBERS_FROM * ratio || !visible(x, right, seen[0], seen[2])) continue;
      const value = map.at(tile, row, column);
      if (Number.isNaN(value)) continue;
      const text = format(value, Math.abs(value) < 100 ? digits : 5), room = (right - x - 4 * ratio) / text.length;
      const dark = opacity > 0.5 && light(table, Math.round(255 * Math.min(1, Math.max(0, (value - low) / span))));
      context.font = `${Math.max(7 * ratio, Math.min(12 * ratio, room * 1.7))}px sans-serif`;
      context.lineWidth = 2 * ratio;
      context.strokeStyle = dark ? "rgba(255, 255, 255, .6)" : "rgba(0, 0, 0, .6)";
      context.fillStyle = dark ? "#000" : "#fff";
      context.strokeText(text, (x + right) / 2, (y + bottom) / 2);
      context.fillText(text, (x + right) / 2, (y + bottom) / 2);
    }
  }
}

/**
 * A path in a color, with a line around it, dark unless said, that is seen on any ground.
 * @param {CanvasRenderingContext2D} context
 * @param {() => void} path
 */
export function outlined(context, ratio, path, color = "white", width = 1.5, around = "rgba(0, 0, 0, .75)") {
  for (const [style, thick] of /** @type {[string, number][]} */ ([[around, width + 2], [color, width]])) {
    context.strokeStyle = style;
    context.lineWidth = thick * ratio;
    context.beginPath();
    path();
    context.stroke();
  }
}

/** A pen for marks over a scene: everything is in px of a tile's picture, and nothing leaves the window of its tile. */
export class Marks {
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ scene: Scene, place: Place, zoom: Zoom, ratio: number }} shown
   */
  constructor(context, { scene, place, zoom, ratio }) {
    this.context = context;
    this.scene = scene;
    this.place = place;
    this.zoom = zoom;
    this.ratio = ratio;
    const [, , width, height] = frame(0, place, zoom);
    /** width and height of a pixel of the picture, in px of the screen */
    this.cell = [width / scene.size[1], height / scene.size[0]];
  }

  /** Draw within the window of a tile, and a few CSS px around it. */
  within(tile, around, draw) {
    const { context, ratio } = this, away = around * ratio;
    const [left, top, width, height] = pane(tile, this.place, this.zoom);
    context.save();
    context.beginPath();
    context.rect(left - away, top - away, width + 2 * away, height + 2 * away);
    context.clip();
    draw();
    context.restore();
  }

  /** See the function of this name. @param {() => void} path @param {[color?: string, width?: number]} look */
  outlined(path, ...look) {
    outlined(this.context, this.ratio, path, ...look);
  }

  /** [x, y] of a place in a tile's picture, in px of the screen. */
  at(tile, x, y) {
    const [left, top] = frame(tile, this.place, this.zoom);
    return [left + x * this.cell[0], top + y * this.cell[1]];
  }

  /** The path of a rectangle, so many CSS px larger. @param {number[]} rectangle */
  box(tile, rectangle, outside = 0) {
    const away = outside * this.ratio, [x, y, width, height] = rectangle, [left, top] = this.at(tile, x, y);
    this.context.rect(left - away, top - away, width * this.cell[0] + 2 * away, height * this.cell[1] + 2 * away);
  }

  cross(tile, [column, row]) {
    const { context, ratio, cell } = this;
    const [x, y] = this.at(tile, column + 0.5, row + 0.5);
    const hole = Math.max(4 * ratio, Math.max(...cell) / 2 + ratio), arm = hole + 9 * ratio;
    this.within(tile, 2, () => this.outlined(() => {
      for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
        context.moveTo(x + dx * hole, y + dy * hole);
        context.lineTo(x + dx * arm, y + dy * arm);
      }
      if (Math.min(...cell) >= 4 * ratio) this.box(tile, [column, row, 1, 1]);
    }));
  }

  /** Dashed, to be told from the frames around it. */
  ellipse(tile, [column, row, along, across, angle]) {
    const { context, ratio, cell } = this, [x, y] = this.at(tile, column + 0.5, row + 0.5);
    this.within(tile, 2, () => {
      context.setLineDash([5 * ratio, 4 * ratio]);
      this.outlined(() => context.ellipse(x, y, along * cell[0], across * cell[1], angle * Math.PI / 180, 0, 2 * Math.PI), "white", 2);
    });
  }

  /** A rectangle with eight squares to take hold of it. */
  grips(tile, [x, y, width, height]) {
    const { context, ratio } = this, half = 3.5 * ratio;
    this.within(tile, 4, () => {
      this.outlined(() => this.box(tile, [x, y, width, height]), "white", 1.5);
      for (const across of [0, 0.5, 1]) {
        for (const down of [0, 0.5, 1]) {
          if (across === 0.5 && down === 0.5) continue;
          const [left, top] = this.at(tile, x + across * width, y + down * height);
          this.outlined(() => context.rect(left - half, top - half, 2 * half, 2 * half), "white", 1);
          context.fillStyle = "white";
          context.fillRect(left - half, top - half, 2 * half, 2 * half);
        }
      }
    });
  }

  /** What a brush has painted: ``image`` is as large as the picture of the tile. */
  painted(tile, image) {
    const [left, top, width, height] = frame(tile, this.place, this.zoom);
    this.within(tile, 0, () => {
      this.context.imageSmoothingEnabled = false;
      this.context.globalAlpha = 0.6;
      this.context.drawImage(image, left, top, width, height);
    });
  }

  /** The size of a brush. */
  ring(tile, x, y, radius) {
    const [left, top] = this.at(tile, x, y);
    this.within(tile, 2, () => this.outlined(() => this.context.arc(left, top, Math.max(2 * this.ratio, radius * this.cell[0]), 0, 2 * Math.PI), "white", 1));
  }

  /** The line between before and after, with a grip in its middle. */
  divider(tile, share) {
    const { context, ratio } = this, [left, top, width, height] = pane(tile, this.place, this.zoom);
    const x = left + share * width, middle = top + height / 2;
    this.within(tile, 2, () => {
      this.outlined(() => (context.moveTo(x, top), context.lineTo(x, top + height)), "white", 2);
      this.outlined(() => context.arc(x, middle, 9 * ratio, 0, 2 * Math.PI), "white", 1.5);
      context.fillStyle = "white";
      context.fill();
      this.outlined(() => {
        for (const side of [-1, 1]) {
          context.moveTo(x + side * 3 * ratio, middle - 3 * ratio);
          context.lineTo(x + side * 6 * ratio, middle);
          context.lineTo(x + side * 3 * ratio, middle + 3 * ratio);
        }
      }, "#333", 1);
    });
  }
}
