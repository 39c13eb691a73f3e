// @ts-check
// The browser's half of Scatter. The first part is pure and tested with plain node; the second draws and listens.

import { element, isForNotebook, keepKeys, labelled, listening, observe, plainButton, tell, write } from "./js/dom.js";
import { ALL, arrow, panned, revealed, zoomed } from "./js/scene.js";
import { Tour, apart, dragged, project, star } from "./js/tour.js";
import { say } from "./js/words.js";

/** @typedef {import("./js/dom.js").Model} Model */
/** @typedef {import("./js/scene.js").Zoom} Zoom */
/** Where the unit square of the points is on the screen, in CSS px. @typedef {{ side: number, x: number, y: number }} Square */

const CLOSEST = 64; // times as large
const PICTURE = [12, 64]; // CSS px: the least and greatest side of a picture in place of a point
const ROUND = 2000; // points; more of them are small squares, which are drawn in a third of the time
const NEAR = 14; // CSS px around a point that belong to it
const TALLEST = 560; // CSS px
const SPEED = 0.35; // radians a second of a tour
const ARM = 0.9; // of the radius of the ball: the length of an axis that lies in the plane
const NAMED = 0.2; // of its length: a shorter axis is not named
const LINE = 15; // CSS px from one name to the next
const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** Where the square is in a view that is zoomed. @param {Zoom} zoom @returns {Square} */
export function square(width, height, margin, zoom) {
  const { scale, x, y } = zoom;
  const side = Math.min(width, height) - 2 * margin;
  return { side: side * scale, x: ((width - side) / 2 - x * width) * scale, y: ((height - side) / 2 - y * height) * scale };
}

/** The side of the pictures of so many points; 0 where they are better drawn as points. */
export function pictureSide(count, side) {
  const fit = (0.9 * side) / Math.sqrt(Math.max(1, count));
  return fit < PICTURE[0] ? 0 : Math.min(PICTURE[1], fit);
}

/**
 * The point next to a place of the screen; −1: there is none within reach.
 * @param {Float32Array} points  x, y, x, y …, 0…1
 * @param {Square} at
 */
export function nearest(points, at, left, top, reach) {
  const [x, y, most] = [(left - at.x) / at.side, (top - at.y) / at.side, (reach / at.side) ** 2];
  let found = -1, least = most;
  for (let i = 0; i < points.length; i += 2) {
    const away = (points[i] - x) ** 2 + (points[i + 1] - y) ** 2;
    if (away <= least) [found, least] = [i / 2, away];
  }
  return found;
}

/**
 * The numbers of the points inside a closed line on the screen, by the even-odd rule.
 * @param {Float32Array} points
 * @param {Square} at
 * @param {[number, number][]} line
 */
export function inside(points, at, line) {
  const xs = Float64Array.from(line, ([left]) => (left - at.x) / at.side), ys = Float64Array.from(line, ([, top]) => (top - at.y) / at.side), found = [];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i], y = points[i + 1];
    if (x < left || x > right || y < top || y > bottom) continue;
    let within = false;
    for (let one = 0, before = xs.length - 1; one < xs.length; before = one++) {
      if (ys[one] > y !== ys[before] > y && x < xs[one] + ((y - ys[one]) / (ys[before] - ys[one])) * (xs[before] - xs[one])) within = !within;
    }
    if (within) found.push(i / 2);
  }
  return found;
}

/** The next point in a direction, within 45° of it; the same where there is none. @param {Float32Array} points */
export function toward(points, from, [dx, dy]) {
  let found = from, least = Infinity;
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i] - points[2 * from], y = points[i + 1] - points[2 * from + 1], along = x * dx + y * dy, away = x * x + y * y;
    if (along > 0 && Math.abs(x * dy - y * dx) <= along && away < least) [found, least] = [i / 2, away];
  }
  return found;
}

// ------------------------------------------------------------------------------------------------------------------

const bytes = (/** @type {DataView} */ { buffer, byteOffset, byteLength }) => /** @type {ArrayBuffer} */ (buffer.slice(byteOffset, byteOffset + byteLength));

class View {
  /** @param {Model} model @param {HTMLElement} el @param {Record<string, Uint8Array>} tables */
  constructor(model, el, tables) {
    this.model = model;
    this.colors = Array.from({ length: 8 }, (_, kind) => `rgb(${tables.levels.subarray(96 * kind, 96 * kind + 3).join()})`);
    this.cleanup = new AbortController();
    this.on = listening(this.cleanup.signal);
    /** @type {Zoom} */ this.zoom = ALL;
    this.tool = "move";
    this.current = -1; // the row under the pointer, or that the keys have gone to
    this.axis = -1; // that is dragged, or that the keys move
    /** @type {[number, number][]} */ this.line = []; // of a lasso or rectangle, CSS px
    /** @type {{ id: number, size: [number, number], columns: number, page: number, pages: ImageBitmap[] } | null} */
    this.decoded = null; // the sheet of pictures
    /** @type {number | null} */ this.sheetId = null; // of these points
    this.numbers = new Int32Array(0); // of the pictures, by row
    this.kinds = new Uint8Array(0); // of their colors
    /** @type {string[]} */ this.names = [];
    /** @type {string[]} */ this.axes = [];
    this.rows = new Map(); // number -> row
    this.points = new Float32Array(0); // as they were sent
    this.seen = this.points; // x, y, 0…1
    /** @type {Tour | null} */ this.tour = null;
    this.playing = false;
    this.waiting = 0; // for the next frame

    const button = (/** @type {string} */ text, /** @type {string} */ help, /** @type {() => void} */ click, more = {}) => this.on(plainButton(text, help, more), { click });
    const zoom = (text, name, help, factor) => button(text, help, () => this.zoomBy(factor), { "aria-label": name });
    const tools = /** @type {[string, string, string][]} */ ([
      ["move", say("Move"), say("Drag to move, click a picture to choose it")],
      ["rectangle", say("Rectangle"), say("Drag a rectangle around pictures; with Shift, more of them; Delete takes the selection away")],
      ["lasso", say("Lasso"), say("Draw a line around pictures; with Shift, more of them; Delete takes the selection away")],
    ]);
    /** @type {Record<string, HTMLElement>} */
    this.choices = Object.fromEntries(tools.map(([tool, name, help]) => [tool, button(name, help, () => this.use(tool))]));
    this.play = button(say("Play"), say("Turn from plane to plane"), () => this.turn(!this.playing));
    this.speed = element("select", "cnnviz-choose", { title: say("Of the tour") }, ...SPEEDS.map((one) => new Option(`${one}×`, String(one), one === 1, one === 1)));
    this.tourTools = [this.play, labelled("", say("Speed"), this.speed)];
    this.pictures = this.on(element("input", "", { type: "checkbox", checked: "" }), { change: () => this.update() });
    this.picturesLabel = element("label", "cnnviz-apart", { title: say("Pictures in place of points, where there is room") }, this.pictures, say("Pictures"));
    const closer = zoom("+", say("Zoom in"), say("Zoom in (+, or the wheel)"), 2);
    const bar = element("div", "cnnviz-scatter-tools", { role: "toolbar", "aria-label": say("Tools") }, ...Object.values(this.choices), closer,
      zoom("−", say("Zoom out"), say("Zoom out (−)"), 0.5), zoom("⤢", say("Show all"), say("Show all (0, or a double click)"), 0), ...this.tourTools, this.picturesLabel);
    for (const one of [closer, this.play]) one.classList.add("cnnviz-apart");

    this.canvas = element("canvas", "cnnviz-points", { tabindex: "0", role: "img" });
    this.face = element("canvas", "", { width: 224, height: 224 });
    this.name = element("b");
    this.label = element("span");
    this.card = element("div", "cnnviz-scatter-card", { "aria-hidden": "true" }, this.face, this.name, this.label);
    this.legend = element("ul", "cnnviz-scatter-legend", { "aria-label": say("Classes") });
    this.status = element("div", "cnnviz-scatter-line", { role: "status" });
    this.root = element("div", "cnnviz-scatter", {}, bar,
      element("div", "cnnviz-scatter-middle", {}, element("div", "cnnviz-scatter-stage", {}, this.canvas, this.card), this.legend), this.status);
    el.append(this.root);
    this.listen();
    this.use("move");
    this.columns();
    this.sheet();
    this.place();
  }

  listen() {
    this.on(this.canvas, {
      pointerdown: (event) => this.press(event),
      pointermove: (event) => (this.held ? this.drag(event) : this.point(this.at(event))),
      pointerup: (event) => this.release(event),
      pointercancel: () => this.letGo(),
      pointerleave: () => this.held || this.point([-1e6, -1e6]),
      dblclick: () => this.zoomBy(0),
      wheel: (event) => {
        if (!event.ctrlKey && document.activeElement !== this.canvas) return; // the page goes on scrolling
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY / 300), this.at(event));
      },
      keydown: (event) => this.key(event),
    });
    this.on(this.root, { keydown: keepKeys });
    this.unobserve = observe(this.model, {
      "change:_columns": () => this.columns(),
      "change:_sheet": () => this.sheet(),
      "change:_points": () => this.place(),
      "change:picked change:_selected change:alt": () => this.update(),
    });
    this.resized = new ResizeObserver(() => this.update());
    this.resized.observe(this.root);
    this.sight = new IntersectionObserver(([{ isIntersecting }]) => {
      this.inSight = isIntersecting;
      this.update();
    });
    this.sight.observe(this.canvas);
  }

  destroy() {
    this.cleanup.abort();
    cancelAnimationFrame(this.waiting);
    this.resized?.disconnect();
    this.sight?.disconnect();
    this.unobserve?.();
    this.root.remove();
  }

  // ---------------------------------------------------------------------------------------------------------- data

  columns() {
    const { numbers, kinds, names, legend, axes, sheet } = this.model.get("_columns");
    if (sheet !== (this.decoded?.id ?? null)) return; // the pictures are still to come
    this.sheetId = sheet;
    this.numbers = new Int32Array(bytes(numbers));
    this.kinds = new Uint8Array(bytes(kinds));
    this.names = names;
    this.axes = axes;
    this.rows = new Map(Array.from(this.numbers, (number, row) => [number, row]));
    const counts = new Array(8).fill(0);
    for (const kind of this.kinds) counts[kind]++;
    this.legend.replaceChildren(...legend.map((name, kind) => {
      const swatch = Object.assign(element("i"), { style: `background: ${this.colors[kind]}` });
      const choose = element("button", "", { type: "button", title: say("Select {name}; with Shift, beside what is selected", { name }) }, swatch, element("span", "", {}, name), element("small", "", {}, String(counts[kind])));
      choose.addEventListener("click", ({ shiftKey }) => this.select([...this.kinds.keys()].filter((row) => this.kinds[row] === kind), shiftKey));
      return element("li", "", {}, choose);
    }));
    this.legend.hidden = !legend.length;
    this.current = -1;
    this.update();
  }

  async sheet() {
    const sheet = this.model.get("_sheet");
    this.picturesLabel.hidden = !sheet;
    const pages = await Promise.all((sheet?.pages ?? []).map((page) => createImageBitmap(new Blob([page], { type: "image/jpeg" }))));
    if (sheet !== this.model.get("_sheet")) return; // another one has come
    this.decoded = sheet && { ...sheet, pages };
    this.columns();
  }

  place() {
    const { data, dimensions } = this.model.get("_points"), before = this.tour?.frame[0].length ?? 2;
    this.points = new Float32Array(bytes(data));
    if (dimensions === 2) [this.tour, this.seen] = [null, this.points];
    else if (!this.tour || before !== dimensions) this.tour = new Tour(star(dimensions));
    if (dimensions > 2 !== before > 2) this.pictures.checked = dimensions === 2; // a tour is of points, at first
    if (dimensions !== before) this.turn(dimensions > 2 && !matchMedia("(prefers-reduced-motion: reduce)").matches);
    for (const one of this.tourTools) one.hidden = !this.tour;
    this.project();
    this.update();
  }

  /** The points of a tour as its plane shows them. */
  project() {
    if (!this.tour) return;
    this.seen = project(this.points, this.tour.frame);
    for (let at = 0; at < this.seen.length; at++) this.seen[at] = 0.5 + this.seen[at] / 2;
  }

  /** The pictures of these points: those of the next ones may be there already. */
  get faces() {
    return this.decoded?.id === this.sheetId ? this.decoded : null;
  }

  get count() {
    return Math.min(this.seen.length / 2, this.numbers.length);
  }

  // ------------------------------------------------------------------------------------------------------ gestures

  /** @param {MouseEvent} event @returns {[number, number]} */
  at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left - 1, event.clientY - top - 1];
  }

  use(/** @type {string} */ tool) {
    this.tool = tool;
    for (const [name, one] of Object.entries(this.choices)) one.setAttribute("aria-pressed", String(name === tool));
    this.canvas.classList.toggle("cnnviz-drawing", tool !== "move");
  }

  zoomBy(/** @type {number} */ factor, at = [this.width / 2, this.height / 2]) {
    this.zoom = factor ? zoomed(this.zoom, factor, [at[0] / this.width, at[1] / this.height], CLOSEST) : ALL;
    this.update();
  }

  turn(/** @type {boolean} */ on) {
    if (this.playing && !on) this.tellBasis();
    this.playing = on;
    this.play.textContent = on ? say("Pause") : say("Play");
    this.update();
  }

  tellBasis() {
    if (this.tour) tell(this.model, { do: "basis" }, [Float64Array.of(...this.tour.frame[0], ...this.tour.frame[1]).buffer]);
  }

  /** What is under the pointer. @param {[number, number]} at */
  point([left, top]) {
    const axis = this.tour ? this.ends().findIndex(([x, y]) => Math.hypot(x - left, y - top) < 9) : -1;
    const row = axis < 0 ? nearest(this.seen, this.square, left, top, Math.max(NEAR, 0.7 * this.size)) : -1;
    this.canvas.classList.toggle("cnnviz-on-point", axis >= 0 || (row >= 0 && this.tool === "move"));
    if (row === this.current && axis === this.axis) return;
    [this.current, this.axis] = [row, axis];
    this.update();
  }

  press(/** @type {PointerEvent} */ event) {
    if (event.button) return;
    this.point(this.at(event));
    this.canvas.setPointerCapture(event.pointerId);
    this.held = { from: this.at(event), last: this.at(event), far: false, resumes: this.playing && this.axis >= 0 };
    if (this.axis >= 0) this.turn(false);
    this.line = [];
  }

  drag(/** @type {PointerEvent} */ event) {
    const at = this.at(event), { held } = this, [x, y] = at;
    if (!held) return;
    held.far ||= Math.hypot(x - held.from[0], y - held.from[1]) > 4;
    if (!held.far) return;
    if (this.axis >= 0) this.pull(at);
    else if (this.tool === "move") {
      this.current = -1;
      this.zoom = panned(this.zoom, (x - held.last[0]) / this.width, (y - held.last[1]) / this.height);
    } else if (this.tool === "lasso") {
      if (Math.hypot(x - held.last[0], y - held.last[1]) < 3) return; // finer than a hand draws
      this.line.push(at);
    }
    else this.line = [held.from, [x, held.from[1]], at, [held.from[0], y]];
    held.last = at;
    this.update();
  }

  release(/** @type {PointerEvent} */ event) {
    const { held } = this;
    if (!held) return;
    if (this.axis >= 0) this.tellBasis();
    else if (this.tool !== "move") this.select(held.far ? inside(this.seen, this.square, this.line) : [], event.shiftKey);
    else if (!held.far && this.current >= 0) this.pick(this.current);
    this.letGo();
  }

  letGo() {
    if (this.held?.resumes && !this.held.far) this.turn(true);
    this.held = null;
    this.line = [];
    this.update();
  }

  /** Put the end of the axis there. @param {[number, number]} at */
  pull([left, top]) {
    if (!this.tour) return;
    const { side, x, y } = this.square, arm = (side / 2) * ARM;
    this.tour.put(dragged(this.tour.frame, this.axis, [(left - x - side / 2) / arm, (top - y - side / 2) / arm]));
    this.project();
  }

  pick(/** @type {number} */ row) {
    const number = this.numbers[row];
    this.model.set("picked", number);
    tell(this.model, { do: "pick", number });
  }

  /** @param {number[]} rows @param {boolean} more  beside those that are selected */
  select(rows, more) {
    const chosen = new Set(rows.map((row) => this.numbers[row])), before = new Set(more ? this.selected : []);
    const numbers = Int32Array.from([...this.numbers].filter((one) => chosen.has(one) || before.has(one)));
    this.model.set("_selected", new DataView(numbers.buffer));
    tell(this.model, { do: "select" }, [numbers.buffer.slice(0)]);
  }

  get selected() {
    return new Int32Array(bytes(this.model.get("_selected")));
  }

  key(/** @type {KeyboardEvent} */ event) {
    if (isForNotebook(event)) return;
    const { key, shiftKey } = event, direction = arrow(key);
    if (direction && shiftKey && this.tour && this.axis >= 0) {
      const [x, y] = this.ends()[this.axis];
      this.turn(false);
      this.pull([x + 12 * direction[0], y + 12 * direction[1]]);
      this.tellBasis();
    } else if (direction && shiftKey) this.zoom = panned(this.zoom, -direction[0] / 10, -direction[1] / 10);
    else if (direction && this.count) {
      this.current = this.current < 0 ? (this.rows.get(this.model.get("picked")) ?? 0) : toward(this.seen, this.current, direction);
      const { side, x, y } = square(this.width, this.height, this.margin, ALL);
      this.zoom = revealed(this.zoom, [(x + side * this.seen[2 * this.current]) / this.width, (y + side * this.seen[2 * this.current + 1]) / this.height]);
    } else if ((key === "Enter" || key === " ") && this.current >= 0) this.pick(this.current);
    else if (key === "s" && this.current >= 0) {
      const rows = new Set(Array.from(this.selected, (number) => /** @type {number} */ (this.rows.get(number))));
      if (!rows.delete(this.current)) rows.add(this.current);
      this.select([...rows], false);
    } else if (key === "Delete") this.select([], false);
    else if (key.toLowerCase() === "a" && this.tour) this.axis = (Math.max(this.axis, shiftKey ? 0 : -1) + (shiftKey ? -1 : 1) + this.dimensions) % this.dimensions;
    else if (key === "p" && this.tour) this.turn(!this.playing);
    else if (key === "+" || key === "=") this.zoomBy(2);
    else if (key === "-") this.zoomBy(0.5);
    else if (key === "0") this.zoomBy(0);
    else return;
    event.preventDefault();
    this.update();
  }

  // ------------------------------------------------------------------------------------------------------- drawing

  /** Draw with the browser's next frame. */
  update() {
    this.waiting ||= requestAnimationFrame((now) => {
      this.waiting = 0;
      this.draw(now);
    });
  }

  get width() {
    return this.canvas.clientWidth;
  }

  get height() {
    return this.canvas.clientHeight;
  }

  get margin() {
    return this.model.get("_sheet") && !this.tour ? PICTURE[1] / 2 + 4 : 16;
  }

  get square() {
    return square(this.width, this.height, this.margin, this.zoom);
  }

  get dimensions() {
    return this.tour?.frame[0].length ?? 2;
  }

  /** CSS px of a picture's side; 0: points are drawn. */
  get size() {
    return this.faces && this.pictures.checked ? pictureSide(this.count, this.square.side) : 0;
  }

  /** Where the axes of a tour end. @returns {[number, number][]} */
  ends() {
    const { side, x, y } = this.square, arm = (side / 2) * ARM, [a, b] = /** @type {Tour} */ (this.tour).frame;
    return Array.from(a, (one, axis) => [x + side / 2 + arm * one, y + side / 2 + arm * b[axis]]);
  }

  draw(/** @type {number} */ now) {
    const { canvas, model } = this, ratio = devicePixelRatio || 1, width = canvas.offsetWidth;
    if (!width) return;
    canvas.style.height = `${Math.min(width, TALLEST)}px`;
    const sizes = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (canvas.width !== sizes[0] || canvas.height !== sizes[1]) [canvas.width, canvas.height] = sizes;
    if (this.tour && this.playing && this.inSight) {
      this.tour.advance((SPEED * Number(this.speed.value) * Math.min(50, now - (this.drawnAt ?? now))) / 1000);
      this.project();
      this.update();
    }
    this.drawnAt = now;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    const selected = new Set(Array.from(this.selected, (number) => this.rows.get(number)));
    const groups = selected.size ? [(/** @type {number} */ row) => !selected.has(row), (/** @type {number} */ row) => selected.has(row)] : [() => true];
    for (const [at, group] of groups.entries()) {
      context.globalAlpha = at + 1 < groups.length ? 0.15 : 1;
      if (this.size) this.drawPictures(context, group);
      else this.drawPoints(context, group);
    }
    context.globalAlpha = 1;
    if (this.tour) this.drawAxes(context);
    const brand = getComputedStyle(canvas).getPropertyValue("--jp-brand-color1").trim() || "#1976d2";
    for (const [row, color] of /** @type {[number | undefined, string][]} */ ([[this.rows.get(model.get("picked")), brand], [this.current, getComputedStyle(canvas).color]])) {
      if (row !== undefined && row >= 0 && row < this.count) this.ring(context, row, color);
    }
    if (this.line.length) {
      Object.assign(context, { strokeStyle: brand, lineWidth: 1.5, fillStyle: brand, globalAlpha: 0.15 });
      context.beginPath();
      for (const place of this.line) context.lineTo(...place);
      context.closePath();
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
    this.showCard();
    this.say(selected.size);
    const { serial } = model.get("_points");
    if (serial !== this.told) tell(model, { do: "drawn", serial: (this.told = serial) });
  }

  /** @param {CanvasRenderingContext2D} context @param {(row: number) => boolean} group */
  drawPoints(context, group) {
    const { x, y, side } = this.square, { width, height, seen, kinds } = this, radius = Math.max(1.5, Math.min(6, 100 / Math.sqrt(this.count))) * Math.min(2, Math.sqrt(this.zoom.scale));
    const round = this.count <= ROUND;
    for (const [kind, color] of this.colors.entries()) {
      context.fillStyle = color;
      context.beginPath();
      for (let row = 0; row < this.count; row++) {
        if ((kinds[row] ?? 0) !== kind || !group(row)) continue;
        const left = x + side * seen[2 * row], top = y + side * seen[2 * row + 1];
        if (left < -radius || top < -radius || left > width + radius || top > height + radius) continue;
        if (!round) context.fillRect(left - radius, top - radius, 2 * radius, 2 * radius);
        else {
          context.moveTo(left + radius, top);
          context.arc(left, top, radius, 0, 2 * Math.PI);
        }
      }
      context.fill();
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {(row: number) => boolean} group */
  drawPictures(context, group) {
    const { x, y, side } = this.square, { width, height, size, seen } = this, half = size / 2, framed = this.kinds.length > 0;
    context.lineWidth = 2;
    for (let row = 0; row < this.count; row++) {
      const left = x + side * seen[2 * row] - half, top = y + side * seen[2 * row + 1] - half;
      if (left < -size || top < -size || left > width || top > height || !group(row)) continue;
      this.drawPicture(context, row, left, top, size);
      if (!framed) continue;
      context.strokeStyle = this.colors[this.kinds[row]];
      context.strokeRect(left, top, size, size);
    }
  }

  /** @param {CanvasRenderingContext2D} context */
  drawPicture(context, row, left, top, size) {
    if (!this.faces) return;
    const { size: [height, width], columns, page, pages } = this.faces, at = row % page;
    context.drawImage(pages[Math.floor(row / page)], (at % columns) * width, Math.floor(at / columns) * height, width, height, left, top, size, size);
  }

  /** @param {CanvasRenderingContext2D} context */
  drawAxes(context) {
    const { x, y, side } = this.square, middle = [x + side / 2, y + side / 2], style = getComputedStyle(this.canvas);
    /** @type {{ name: string, at: number, top: number, half: number }[]} */ const named = [];
    Object.assign(context, { font: `12px ${style.fontFamily}`, textAlign: "center", textBaseline: "middle", lineJoin: "round" });
    for (const [axis, [left, top]] of this.ends().entries()) {
      const length = Math.hypot(left - middle[0], top - middle[1]), long = length / ((side / 2) * ARM), here = axis === this.axis;
      Object.assign(context, { strokeStyle: style.color, fillStyle: style.color, globalAlpha: here ? 1 : 0.25 + 0.5 * long, lineWidth: here ? 2 : 1 });
      context.beginPath();
      context.moveTo(middle[0], middle[1]);
      context.lineTo(left, top);
      context.stroke();
      context.beginPath();
      context.arc(left, top, here ? 5 : 3.5, 0, 2 * Math.PI);
      context.fill();
      if (long < NAMED && !here) continue;
      // Beyond the end, in the direction of the axis: a name goes around with it, and does not jump from side to side.
      const name = this.axes[axis] ?? String(axis), half = context.measureText(name).width / 2 + 2, [dx, dy] = [left - middle[0], top - middle[1]].map((one) => one / (length || 1));
      named.push({ name, half, at: Math.max(half, Math.min(this.width - half, left + dx * (half + 8))), top: top + dy * LINE });
    }
    const tops = apart(named.map(({ top }) => top), named.map(({ at, half }) => [at - half, at + half]), LINE, y + side - LINE / 2);
    Object.assign(context, { globalAlpha: 1, strokeStyle: style.backgroundColor, lineWidth: 3 });
    for (const [number, { name, at }] of named.entries()) {
      context.strokeText(name, at, tops[number]);
      context.fillText(name, at, tops[number]);
    }
  }

  /** @param {CanvasRenderingContext2D} context */
  ring(context, row, color) {
    const { x, y, side } = this.square, [left, top] = [x + side * this.seen[2 * row], y + side * this.seen[2 * row + 1]], half = this.size / 2 + 2;
    if (this.size) this.drawPicture(context, row, left - half + 2, top - half + 2, this.size); // above those that cover it
    for (const [style, thick] of /** @type {[string, number][]} */ ([[getComputedStyle(this.canvas).backgroundColor, 5], [color, 3]])) {
      Object.assign(context, { strokeStyle: style, lineWidth: thick });
      context.beginPath();
      if (this.size) context.rect(left - half, top - half, 2 * half, 2 * half);
      else context.arc(left, top, 8, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** The picture under the pointer, large, beside it. */
  showCard() {
    const row = this.current, there = row >= 0 && row < this.count && !this.held?.far;
    this.card.hidden = !there;
    if (!there) return;
    this.face.hidden = !this.faces;
    this.drawPicture(/** @type {CanvasRenderingContext2D} */ (this.face.getContext("2d")), row, 0, 0, 224);
    const name = this.names[row] ?? say("picture {number}", { number: this.numbers[row] }), label = this.legend.children[this.kinds[row]]?.querySelector("span")?.textContent ?? "";
    this.name.textContent = name;
    this.label.textContent = label === name ? "" : label;
    const { x, y, side } = this.square, [left, top] = [x + side * this.seen[2 * row], y + side * this.seen[2 * row + 1]];
    const away = this.size / 2 + 12, { offsetWidth, offsetHeight } = this.card;
    this.card.style.left = `${left + away + offsetWidth < this.width ? left + away : left - away - offsetWidth}px`;
    this.card.style.top = `${Math.max(0, Math.min(this.height - offsetHeight, top - offsetHeight / 2))}px`;
  }

  say(/** @type {number} */ selected) {
    const count = (/** @type {number} */ many) => say("{n} picture", { n: many.toLocaleString("en") }, "{n} pictures");
    const axis = this.axis >= 0 && this.tour ? say("Axis {name}: drag its end, or press Shift and an arrow key", { name: this.axes[this.axis] ?? this.axis }) : "";
    const here = this.current >= 0 && this.current < this.count ? `${this.name.textContent}${this.label.textContent ? `, ${this.label.textContent}` : ""}` : "";
    const line = [count(this.count), ...(selected ? [say("{number} selected", { number: selected.toLocaleString("en") })] : []), ...(axis || here ? [axis || here] : [])].join(" · ");
    write(this.status, line);
    const keys = `${say("Arrow keys go from picture to picture, Enter chooses one, S selects it, Shift and the arrow keys move, + and − zoom, 0 shows all.")}${this.tour ? ` ${say("P plays, A goes to the next axis.")}` : ""}`;
    this.canvas.setAttribute("aria-label", `${this.model.get("alt")}: ${count(this.count)}. ${keys}`);
  }
}

function render({ model, el, tables }) {
  const view = new View(model, el, tables);
  return () => view.destroy();
}

export default { render };
