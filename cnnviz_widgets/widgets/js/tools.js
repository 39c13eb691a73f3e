// @ts-check
// What the tools of a picture do, without anything of the screen: all places are in px of the picture.

import { arrow } from "./scene.js";

// -------------------------------------------------------------------------------------------------------- rectangle

/** [x, y, width, height] in whole px. @typedef {[number, number, number, number]} Rectangle */
/** @typedef {{ left: boolean, right: boolean, top: boolean, bottom: boolean }} Grip  the sides that are moved */

const clamp = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.max(low, Math.min(high, value));

/**
 * What of a rectangle is at a place: the sides that are near it, all of them inside, or null.
 * @param {Rectangle | null} rectangle
 * @param {number} slack  px from a side that count as the side
 * @returns {Grip | null}
 */
export function grip(rectangle, x, y, slack) {
  if (!rectangle) return null;
  const [left, top, width, height] = rectangle, [right, bottom] = [left + width, top + height];
  if (x < left - slack || x > right + slack || y < top - slack || y > bottom + slack) return null;
  const near = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(a - b) <= slack;
  const found = { left: near(x, left), right: near(x, right), top: near(y, top), bottom: near(y, bottom) };
  if (found.left && found.right) found.left = Math.abs(x - left) < Math.abs(x - right) && ((found.right = false), true);
  if (found.top && found.bottom) found.top = Math.abs(y - top) < Math.abs(y - bottom) && ((found.bottom = false), true);
  const any = found.left || found.right || found.top || found.bottom;
  return any ? found : { left: true, right: true, top: true, bottom: true };
}

/** The cursor of CSS for a grip. @param {Grip | null} grip */
export function gripCursor(grip) {
  if (!grip) return "crosshair";
  const { left, right, top, bottom } = grip;
  if (left && right) return "move";
  if (!left && !right) return "ns-resize";
  if (!top && !bottom) return "ew-resize";
  return left === top ? "nwse-resize" : "nesw-resize";
}

/**
 * A rectangle of which the sides of a grip were moved; it stays in the picture, and at least 1 px large.
 * @param {Rectangle} rectangle
 * @param {Grip} grip
 * @returns {Rectangle}
 */
export function dragged([x, y, width, height], { left, right, top, bottom }, dx, dy, [tall, wide]) {
  if (left && right) return [clamp(Math.round(x + dx), 0, wide - width), clamp(Math.round(y + dy), 0, tall - height), width, height];
  const ends = (/** @type {number} */ start, /** @type {number} */ end, /** @type {boolean} */ first, /** @type {boolean} */ last, /** @type {number} */ by, /** @type {number} */ length) => {
    const [a, b] = [clamp(Math.round(start + (first ? by : 0)), 0, length), clamp(Math.round(end + (last ? by : 0)), 0, length)];
    const low = Math.min(a, b, length - 1); // a side that was dragged beyond the other one
    return [low, Math.max(1, Math.max(a, b) - low)];
  };
  const [newX, newWidth] = ends(x, x + width, left, right, dx, wide), [newY, newHeight] = ends(y, y + height, top, bottom, dy, tall);
  return [newX, newY, newWidth, newHeight];
}

/**
 * A rectangle of the same size with its middle at a place, as far as it stays in the picture.
 * @param {Rectangle} rectangle
 * @param {[number, number]} size
 */
export const carried = ([, , width, height], x, y, size) =>
  dragged([0, 0, width, height], { left: true, right: true, top: true, bottom: true }, x - width / 2, y - height / 2, size);

/**
 * The rectangle from one place to another.
 * @param {[number, number]} size
 * @returns {Rectangle}
 */
export const between = (x0, y0, x1, y1, size) =>
  dragged([Math.floor(x0), Math.floor(y0), 0, 0], { left: false, top: false, right: true, bottom: true }, Math.ceil(x1) - Math.floor(x0), Math.ceil(y1) - Math.floor(y0), size);

/**
 * An arrow key moves a rectangle by a pixel; with Shift it moves its right and lower side. Null for other keys.
 * @param {Rectangle | null} rectangle  null: one of a quarter of the picture in its middle
 * @param {[number, number]} size
 * @returns {Rectangle | null}
 */
export function keyed(rectangle, key, shift, size) {
  const direction = arrow(key), [tall, wide] = size;
  if (!direction) return null;
  if (!rectangle) return [wide >> 2, tall >> 2, Math.max(1, wide >> 1), Math.max(1, tall >> 1)];
  const [x, y, width, height] = rectangle, [dx, dy] = direction;
  if (!shift) return dragged(rectangle, { left: true, right: true, top: true, bottom: true }, dx, dy, size);
  return [x, y, clamp(width + dx, 1, wide - x), clamp(height + dy, 1, tall - y)];
}

// ------------------------------------------------------------------------------------------------------------ brush

const MOST_UNDONE = 30; // strokes

/** A label for each pixel; 0 = none. */
export class Mask {
  /** @param {[number, number]} size  height and width @param {Uint8Array} [data] */
  constructor([height, width], data) {
    this.height = height;
    this.width = width;
    this.data = data ?? new Uint8Array(height * width);
    /** @type {Uint8Array[]} */
    this.earlier = [];
  }

  get empty() {
    return !this.data.some(Boolean);
  }

  /** From here on, one step to undo. */
  begin() {
    this.earlier = [...this.earlier.slice(1 - MOST_UNDONE), this.data.slice()];
  }

  /** As it was before the last stroke; whether there was one. */
  undo() {
    const before = this.earlier.pop();
    if (before) this.data = before;
    return Boolean(before);
  }

  /** Every pixel whose middle is no further than ``radius`` from the line between two places. */
  line(x0, y0, x1, y1, radius, label) {
    const [dx, dy] = [x1 - x0, y1 - y0], length = dx * dx + dy * dy || 1;
    const [left, right] = [Math.floor(Math.min(x0, x1) - radius), Math.ceil(Math.max(x0, x1) + radius)];
    const [top, bottom] = [Math.floor(Math.min(y0, y1) - radius), Math.ceil(Math.max(y0, y1) + radius)];
    for (let y = Math.max(0, top); y < Math.min(this.height, bottom); y++) {
      for (let x = Math.max(0, left); x < Math.min(this.width, right); x++) {
        const along = clamp(((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / length, 0, 1);
        const [away, below] = [x + 0.5 - x0 - along * dx, y + 0.5 - y0 - along * dy];
        if (away * away + below * below <= radius * radius) this.data[y * this.width + x] = label;
      }
    }
  }

  /** The pixel at a place and all that have its label and hang together with it. */
  fill(x, y, label) {
    const { width, height, data } = this, start = Math.floor(y) * width + Math.floor(x), from = data[start];
    if (from === label || from === undefined) return;
    const waiting = [start];
    while (waiting.length) {
      const one = /** @type {number} */ (waiting.pop());
      if (data[one] !== from) continue;
      data[one] = label;
      const column = one % width;
      if (column > 0) waiting.push(one - 1);
      if (column < width - 1) waiting.push(one + 1);
      if (one >= width) waiting.push(one - width);
      if (one < width * (height - 1)) waiting.push(one + width);
    }
  }

  clear() {
    this.data.fill(0);
  }

  /** RGBA of a mask whose labels 1, 2 … have these colors "#rrggbb". @param {string[]} colors */
  colored(colors) {
    const rgba = new Uint8ClampedArray(4 * this.data.length);
    for (const [i, label] of this.data.entries()) {
      if (!label) continue;
      const number = parseInt(colors[(label - 1) % colors.length].slice(1), 16);
      rgba.set([number >> 16, (number >> 8) & 255, number & 255, 255], 4 * i);
    }
    return rgba;
  }
}

// ------------------------------------------------------------------------------------------------------------- film

/** Frames that run in time: which one is seen, from 0, around the end to the beginning. */
export class Film {
  constructor() {
    this.count = 0;
    this.frame = 0;
    this.speed = 1;
    this.playing = false;
    this.from = 0; // the frame that was seen at ``since``
    this.since = 0; // ms
  }

  /** @param {number} now  ms */
  play(now) {
    if (this.frame >= this.count - 1) this.frame = 0;
    [this.playing, this.from, this.since] = [this.count > 1, this.frame, now];
  }

  pause() {
    this.playing = false;
  }

  seek(frame, now) {
    [this.frame, this.from, this.since] = [clamp(frame, 0, Math.max(0, this.count - 1)), frame, now];
  }

  /** Twice or half as fast, from here on. */
  faster(speed, now) {
    [this.speed, this.from, this.since] = [speed, this.frame, now];
  }

  /** Whether another frame is seen at a time. @param {number} now */
  tick(now, perSecond) {
    if (!this.playing) return false;
    const frame = Math.floor(this.from + ((now - this.since) / 1000) * perSecond * this.speed) % this.count;
    const changed = frame !== this.frame;
    this.frame = frame;
    return changed;
  }
}

// ------------------------------------------------------------------------------------------------------------ a drag

export const DRAG = 4; // CSS px that the pointer moves before a click is a drag

/** A tile that goes with the pointer, once it moves. All views hear where it is, and that it is put down. */
export class Carried {
  /** @param {HTMLCanvasElement} copy  what is seen of it @param {string} gives  the view that it is of @param {number} tile @param {PointerEvent} from */
  constructor(copy, gives, tile, from) {
    this.copy = copy;
    this.gives = gives;
    this.tile = tile;
    this.from = from;
    this.moved = false;
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { copy, from } = this, { clientX, clientY } = event;
    this.moved ||= Math.hypot(clientX - from.clientX, clientY - from.clientY) > DRAG;
    if (!this.moved) return;
    if (!copy.isConnected) document.body.append(copy);
    copy.style.transform = `translate(${clientX}px, ${clientY}px) translate(-50%, -50%)`;
    this.#say(event, false);
  }

  /** Put it down, or let it go where there is no event; whether it had been moved. @param {PointerEvent} [event] */
  end(event) {
    this.copy.remove();
    if (this.moved) this.#say(event, true);
    return this.moved;
  }

  #say(event, ends) {
    document.dispatchEvent(new CustomEvent("cnnviz-carry", { detail: { gives: this.gives, tile: this.tile, event, ends } }));
  }
}

// --------------------------------------------------------------------------------------------------------- messages

/** Sends only the latest of many messages, one at a time: a busy kernel never has a queue of old ones to work through. */
export class Latest {
  /**
   * @param {(value: any) => void} send
   * @param {number} pause  ms between two messages
   * @param {number} patience  ms after which one that was not answered counts as answered
   */
  constructor(send, pause = 50, patience = 1000) {
    this.send = send;
    this.pause = pause;
    this.patience = patience;
    /** @type {any} */
    this.wanted = this.sent = undefined;
    this.resting = false;
    this.ended = false;
    /** @type {any} */
    this.waiting = 0;
  }

  want(value) {
    this.wanted = value;
    this.#next();
  }

  /** Whether a message waits, or its answer. */
  get busy() {
    return Boolean(this.waiting) || this.wanted !== this.sent;
  }

  answered() {
    clearTimeout(this.waiting);
    this.waiting = 0;
    this.#next();
  }

  end() {
    clearTimeout(this.waiting);
    this.ended = true;
  }

  #next() {
    if (this.ended || this.resting || this.waiting || this.wanted === this.sent) return;
    this.sent = this.wanted;
    this.send(this.sent);
    this.resting = true;
    setTimeout(() => ((this.resting = false), this.#next()), this.pause);
    this.waiting = setTimeout(() => this.answered(), this.patience);
  }
}
