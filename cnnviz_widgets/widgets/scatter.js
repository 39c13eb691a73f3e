// @ts-check
// The browser's half of Scatter. The first part is pure and tested with plain node; the second draws and listens.

import { element, isForNotebook, keepKeys, labelled, listening, observe, plainButton, tell, watch, write } from "./js/dom.js";
import { outlined } from "./js/paint.js";
import { ALL, ZOOM_KEYS, arrow, panned, received, revealed, zoomed } from "./js/scene.js";
import { speedList, zoomButtons } from "./js/toolbar.js";
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

/** Where the square is in a view that is zoomed. @param {Zoom} zoom @returns {Square} */
export function square(width, height, margin, zoom) {
  const { scale, x, y } = zoom, side = Math.min(width, height) - 2 * margin;
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
  let found = -1, least = reach;
  for (let i = 0; i < points.length; i += 2) {
    const away = Math.hypot(at.x + at.side * points[i] - left, at.y + at.side * points[i + 1] - top);
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
  const found = [], sides = line.map((end, one) => [...end, ...(line.at(one - 1) ?? end)]);
  for (let i = 0; i < points.length; i += 2) {
    const x = at.x + at.side * points[i], y = at.y + at.side * points[i + 1];
    let within = false;
    for (const [left, top, before, above] of sides) if (top > y !== above > y && x < left + ((y - top) / (above - top)) * (before - left)) within = !within;
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

/** Where an event is on the canvas, in CSS px. @param {MouseEvent} event @returns {[number, number]} */
const at = (event) => [event.offsetX, event.offsetY];

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
    /** @type {string[]} */ this.labels = []; // of the classes
    this.points = new Float32Array(0); // as they were sent
    this.seen = this.points; // x, y, 0…1
    /** @type {Tour | null} */ this.tour = null;
    this.playing = false;
    this.waiting = 0; // for the next frame

    const button = (/** @type {string} */ text, /** @type {string} */ help, /** @type {() => void} */ click) => this.on(plainButton(text, help), { click });
    const group = (/** @type {HTMLElement[]} */ ...parts) => element("div", "", {}, ...parts);
    const tools = /** @type {[string, string, string][]} */ ([
      ["move", say("Move"), say("Drag to move, click a picture to choose it")],
      ["rectangle", say("Rectangle"), say("Drag a rectangle around pictures (Shift adds, Delete clears)")],
      ["lasso", say("Lasso"), say("Draw a line around pictures (Shift adds, Delete clears)")],
    ]);
    /** @type {Record<string, HTMLElement>} */
    this.choices = Object.fromEntries(tools.map(([tool, name, help]) => [tool, button(name, help, () => this.use(tool))]));
    this.play = button(say("Play"), say("Turn from plane to plane"), () => this.turn(!this.playing));
    this.speed = speedList("cnnviz-choose", { title: say("Of the tour") });
    this.tourTools = group(this.play, labelled("", say("Speed"), this.speed));
    this.pictures = this.on(element("input", "cnnviz-tick", { type: "checkbox", checked: "" }), { change: () => this.update() });
    this.picturesLabel = element("label", "", { title: say("Pictures in place of points, where there is room") }, this.pictures, say("Pictures"));
    const bar = element("div", "cnnviz-scatter-tools", { role: "toolbar", "aria-label": say("Tools") }, group(...Object.values(this.choices)),
      group(...zoomButtons("cnnviz-plain-button", (factor) => this.zoomBy(factor), this.cleanup.signal)), this.tourTools, this.picturesLabel);

    this.canvas = element("canvas", "cnnviz-points", { tabindex: "0", role: "img" });
    this.face = element("canvas", "", { width: 224, height: 224 });
    this.name = element("b");
    this.label = element("span");
    this.card = element("div", "cnnviz-scatter-card", { "aria-hidden": "true" }, this.face, this.name, this.label);
    this.legend = element("ul", "", { "aria-label": say("Classes") });
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
    const { signal } = this.cleanup;
    this.on(this.canvas, {
      pointerdown: (event) => this.press(event),
      pointermove: (event) => (this.held ? this.drag(event, this.held) : this.point(at(event))),
      pointerup: (event) => this.release(event),
      pointercancel: () => this.letGo(),
      pointerleave: () => this.held || this.point([-1e6, -1e6]),
      dblclick: () => this.zoomBy(0),
      wheel: (event) => {
        if (!event.ctrlKey && document.activeElement !== this.canvas) return; // the page goes on scrolling
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY / 300), this.shares(...at(event)));
      },
      keydown: (event) => this.key(event),
    });
    this.on(this.root, { keydown: keepKeys });
    observe(this.model, {
      "change:_columns": () => this.columns(),
      "change:_sheet": () => this.sheet(),
      "change:_points": () => this.place(),
      "change:picked change:_selected change:alt": () => this.update(),
    }, signal);
    watch(new ResizeObserver(() => this.update()), signal, this.root);
    watch(new IntersectionObserver(([{ isIntersecting }]) => {
      this.inSight = isIntersecting;
      this.update();
    }), signal, this.canvas);
  }

  destroy() {
    this.cleanup.abort();
    cancelAnimationFrame(this.waiting);
    this.root.remove();
  }

  // ---------------------------------------------------------------------------------------------------------- data

  columns() {
    const { numbers, kinds, names, legend, axes, sheet } = this.model.get("_columns");
    if (sheet !== (this.decoded?.id ?? null)) return; // the pictures are still to come
    Object.assign(this, { sheetId: sheet, names, axes, labels: legend, current: -1, numbers: new Int32Array(received(numbers)), kinds: new Uint8Array(received(kinds)) });
    this.legend.replaceChildren(...legend.map((name, kind) => {
      const rows = [...this.kinds.keys()].filter((row) => this.kinds[row] === kind), swatch = element("i", "", { style: `background: ${this.colors[kind]}` });
      const choose = element("button", "", { type: "button", title: say("Select {name} (Shift adds)", { name }) }, swatch, element("span", "", {}, name), element("small", "", {}, String(rows.length)));
      return element("li", "", {}, this.on(choose, { click: ({ shiftKey }) => this.select(rows, shiftKey) }));
    }));
    this.legend.hidden = !legend.length;
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
    const { data, dimensions } = this.model.get("_points"), before = this.dimensions, toured = dimensions > 2;
    this.points = this.seen = new Float32Array(received(data));
    if (dimensions !== before) {
      this.axis = -1;
      this.tour = toured ? new Tour(star(dimensions)) : null;
      if (toured !== before > 2) this.pictures.checked = !toured; // a tour is of points, at first
      this.turn(toured && !matchMedia("(prefers-reduced-motion: reduce)").matches);
    }
    this.tourTools.hidden = !toured;
    this.project();
    this.update();
  }

  /** The points of a tour as its plane shows them. */
  project() {
    if (!this.tour) return;
    this.seen = project(this.points, this.tour.frame).map((one) => 0.5 + one / 2);
  }

  /** The pictures of these points: those of the next ones may be there already. */
  get faces() {
    return this.decoded?.id === this.sheetId ? this.decoded : null;
  }

  get count() {
    return Math.min(this.seen.length / 2, this.numbers.length);
  }

  /** Whether there is such a row. */
  has(/** @type {number} */ row) {
    return row >= 0 && row < this.count;
  }

  /** Where a row is on the screen, in CSS px of the canvas. @returns {[number, number]} */
  where(/** @type {number} */ row, { x, y, side } = this.square) {
    return [x + side * this.seen[2 * row], y + side * this.seen[2 * row + 1]];
  }

  /** CSS px as shares of the canvas. @returns {[number, number]} */
  shares(/** @type {number} */ x, /** @type {number} */ y) {
    return [x / this.width, y / this.height];
  }

  // ------------------------------------------------------------------------------------------------------ gestures

  use(/** @type {string} */ tool) {
    this.tool = tool;
    for (const [name, one] of Object.entries(this.choices)) one.setAttribute("aria-pressed", String(name === tool));
  }

  zoomBy(/** @type {number} */ factor, /** @type {[number, number]} */ at = [0.5, 0.5]) {
    this.zoom = factor ? zoomed(this.zoom, factor, at, CLOSEST) : ALL;
    this.update();
  }

  turn(/** @type {boolean} */ on) {
    if (this.tour && this.playing && !on) this.tellBasis();
    this.playing = on;
    this.play.textContent = on ? say("Pause") : say("Play");
    this.update();
  }

  tellBasis() {
    const [a, b] = /** @type {Tour} */ (this.tour).frame;
    tell(this.model, { do: "basis" }, [Float64Array.of(...a, ...b).buffer]);
  }

  /** What is under the pointer. @param {[number, number]} at */
  point([left, top]) {
    const axis = this.tour ? this.ends().findIndex(([x, y]) => Math.hypot(x - left, y - top) < 9) : -1;
    const row = axis < 0 ? nearest(this.seen, this.square, left, top, Math.max(NEAR, 0.7 * this.size)) : -1;
    const moves = this.tool === "move";
    this.canvas.style.cursor = axis >= 0 || (row >= 0 && moves) ? "pointer" : moves ? "" : "crosshair";
    if (row === this.current && axis === this.axis) return;
    [this.current, this.axis] = [row, axis];
    this.update();
  }

  press(/** @type {PointerEvent} */ event) {
    if (event.button) return;
    const from = at(event);
    this.point(from);
    this.canvas.setPointerCapture(event.pointerId);
    this.held = { from, last: from, far: false, resumes: this.playing && this.axis >= 0 };
    if (this.axis >= 0) this.turn(false);
  }

  drag(/** @type {PointerEvent} */ event, held) {
    const [x, y] = at(event);
    held.far ||= Math.hypot(x - held.from[0], y - held.from[1]) > 4;
    if (!held.far) return;
    if (this.axis >= 0) this.pull([x, y]);
    else if (this.tool === "move") {
      this.current = -1;
      this.zoom = panned(this.zoom, ...this.shares(x - held.last[0], y - held.last[1]));
    } else if (this.tool === "lasso") {
      if (Math.hypot(x - held.last[0], y - held.last[1]) < 3) return; // finer than a hand draws
      this.line.push([x, y]);
    } else this.line = [held.from, [x, held.from[1]], [x, y], [held.from[0], y]];
    held.last = [x, y];
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
    const { arm, x, y } = this.ball, tour = /** @type {Tour} */ (this.tour);
    tour.put(dragged(tour.frame, this.axis, [(left - x) / arm, (top - y) / arm]));
    this.project();
  }

  pick(/** @type {number} */ row) {
    const number = this.numbers[row];
    this.model.set("picked", number);
    tell(this.model, { do: "pick", number });
  }

  /** @param {number[]} rows @param {boolean} more  beside those that are selected */
  select(rows, more = false) {
    const chosen = new Set([...(more ? this.selected : []), ...rows.map((row) => this.numbers[row])]), numbers = this.numbers.filter((one) => chosen.has(one));
    this.model.set("_selected", new DataView(numbers.buffer));
    tell(this.model, { do: "select" }, [numbers.buffer.slice(0)]);
  }

  /** The row that was clicked; −1: none. */
  get picked() {
    return this.numbers.indexOf(this.model.get("picked"));
  }

  /** The numbers of the selected pictures. */
  get selected() {
    return new Set(new Int32Array(received(this.model.get("_selected"))));
  }

  key(/** @type {KeyboardEvent} */ event) {
    if (isForNotebook(event)) return;
    const { key, shiftKey } = event, direction = arrow(key);
    if (direction && shiftKey) {
      const [dx, dy] = direction;
      if (this.axis < 0) this.zoom = panned(this.zoom, -dx / 10, -dy / 10);
      else {
        const [x, y] = this.ends()[this.axis];
        this.turn(false);
        this.pull([x + 12 * dx, y + 12 * dy]);
        this.tellBasis();
      }
    } else if (direction && this.count) {
      this.current = this.current < 0 ? Math.max(0, this.picked) : toward(this.seen, this.current, direction);
      this.zoom = revealed(this.zoom, this.shares(...this.where(this.current, square(this.width, this.height, this.margin, ALL))));
    } else if ((key === "Enter" || key === " ") && this.current >= 0) this.pick(this.current);
    else if (key === "s" && this.current >= 0) {
      const { selected } = this;
      this.select([...this.numbers.keys()].filter((row) => selected.has(this.numbers[row]) !== (row === this.current)));
    } else if (key === "Delete") this.select([]);
    else if (key.toLowerCase() === "a" && this.tour) this.axis = (Math.max(this.axis, shiftKey ? 0 : -1) + (shiftKey ? -1 : 1) + this.dimensions) % this.dimensions;
    else if (key === "p" && this.tour) this.turn(!this.playing);
    else if (key in ZOOM_KEYS) this.zoomBy(ZOOM_KEYS[key]);
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

  /** The middle of a tour, and how long an axis is that lies in the plane. */
  get ball() {
    const { side, x, y } = this.square;
    return { x: x + side / 2, y: y + side / 2, arm: (side / 2) * ARM };
  }

  /** Where the axes of a tour end. @returns {[number, number][]} */
  ends() {
    const { x, y, arm } = this.ball, [a, b] = /** @type {Tour} */ (this.tour).frame;
    return Array.from(a, (one, axis) => [x + arm * one, y + arm * b[axis]]);
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
    const { selected } = this;
    for (const chosen of selected.size ? [false, true] : [true]) {
      context.globalAlpha = chosen ? 1 : 0.15;
      const group = (/** @type {number} */ row) => !selected.size || selected.has(this.numbers[row]) === chosen;
      if (this.size) this.drawPictures(context, group);
      else this.drawPoints(context, group);
    }
    const style = getComputedStyle(canvas), brand = style.getPropertyValue("--jp-brand-color1").trim() || "#1976d2";
    if (this.tour) this.drawAxes(context, style);
    for (const [row, color] of /** @type {[number, string][]} */ ([[this.picked, brand], [this.current, style.color]])) if (this.has(row)) this.ring(context, row, color, style.backgroundColor);
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

  /** Draw the rows of a group that reach into the canvas, so many px around their middle. */
  each(/** @type {(row: number) => boolean} */ group, /** @type {number} */ reach, /** @type {(row: number, left: number, top: number) => void} */ draw) {
    const { x, y, side } = this.square, { count, width, height, seen } = this;
    for (let row = 0; row < count; row++) {
      const left = x + side * seen[2 * row], top = y + side * seen[2 * row + 1];
      if (left > -reach && top > -reach && left < width + reach && top < height + reach && group(row)) draw(row, left, top);
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {(row: number) => boolean} group */
  drawPoints(context, group) {
    const { kinds } = this, radius = Math.max(1.5, Math.min(6, 100 / Math.sqrt(this.count))) * Math.min(2, Math.sqrt(this.zoom.scale)), round = this.count <= ROUND;
    for (const [kind, color] of this.colors.entries()) {
      context.fillStyle = color;
      context.beginPath();
      this.each((row) => (kinds[row] ?? 0) === kind && group(row), radius, (_, left, top) => {
        if (!round) return context.fillRect(left - radius, top - radius, 2 * radius, 2 * radius);
        context.moveTo(left + radius, top);
        context.arc(left, top, radius, 0, 2 * Math.PI);
      });
      context.fill();
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {(row: number) => boolean} group */
  drawPictures(context, group) {
    const { size } = this, half = size / 2;
    context.lineWidth = 2;
    this.each(group, half, (row, left, top) => {
      this.drawPicture(context, row, left - half, top - half, size);
      if (!this.kinds.length) return;
      context.strokeStyle = this.colors[this.kinds[row]];
      context.strokeRect(left - half, top - half, size, size);
    });
  }

  /** @param {CanvasRenderingContext2D} context */
  drawPicture(context, row, left, top, size) {
    if (!this.faces) return;
    const { size: [height, width], columns, page, pages } = this.faces, at = row % page;
    context.drawImage(pages[Math.floor(row / page)], (at % columns) * width, Math.floor(at / columns) * height, width, height, left, top, size, size);
  }

  /** @param {CanvasRenderingContext2D} context @param {CSSStyleDeclaration} style */
  drawAxes(context, style) {
    const { x, y, arm } = this.ball;
    /** @type {string[]} */ const names = [];
    /** @type {number[]} */ const tops = [];
    /** @type {[number, number][]} */ const spans = [];
    Object.assign(context, { font: `12px ${style.fontFamily}`, textBaseline: "middle", lineJoin: "round" });
    for (const [axis, [left, top]] of this.ends().entries()) {
      const dx = left - x, dy = top - y, length = Math.hypot(dx, dy) || 1, long = length / arm, here = axis === this.axis;
      Object.assign(context, { strokeStyle: style.color, fillStyle: style.color, globalAlpha: here ? 1 : 0.25 + 0.5 * long, lineWidth: here ? 2 : 1 });
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(left, top);
      context.stroke();
      context.beginPath();
      context.arc(left, top, here ? 5 : 3.5, 0, 2 * Math.PI);
      context.fill();
      if (long < NAMED && !here) continue;
      // Beyond the end, in the direction of the axis: a name goes around with it, and does not jump from side to side.
      const name = this.axisName(axis), half = context.measureText(name).width / 2 + 2;
      const middle = Math.max(half, Math.min(this.width - half, left + (dx / length) * (half + 8)));
      names.push(name);
      tops.push(top + (dy / length) * LINE);
      spans.push([middle - half, middle + half]);
    }
    Object.assign(context, { globalAlpha: 1, strokeStyle: style.backgroundColor, lineWidth: 3 });
    for (const [at, top] of apart(tops, spans, LINE, y + arm / ARM - LINE / 2).entries()) {
      context.strokeText(names[at], spans[at][0] + 2, top);
      context.fillText(names[at], spans[at][0] + 2, top);
    }
  }

  axisName(/** @type {number} */ axis) {
    return this.axes[axis] ?? String(axis);
  }

  /** @param {CanvasRenderingContext2D} context */
  ring(context, row, color, around) {
    const { size } = this, [left, top] = this.where(row), half = size / 2 + 2;
    if (size) this.drawPicture(context, row, left - half + 2, top - half + 2, size); // above those that cover it
    outlined(context, 1, () => size ? context.rect(left - half, top - half, 2 * half, 2 * half) : context.arc(left, top, 8, 0, 2 * Math.PI), color, 3, around);
  }

  /** The picture under the pointer, large, beside it. */
  showCard() {
    const row = this.current;
    this.card.hidden = !this.has(row) || Boolean(this.held?.far);
    if (this.card.hidden) return;
    this.face.hidden = !this.faces;
    this.drawPicture(/** @type {CanvasRenderingContext2D} */ (this.face.getContext("2d")), row, 0, 0, 224);
    const name = this.names[row] ?? say("picture {number}", { number: this.numbers[row] }), label = this.labels[this.kinds[row]];
    this.name.textContent = name;
    this.label.textContent = !label || label === name ? "" : label;
    const [left, top] = this.where(row), away = this.size / 2 + 12, { offsetWidth, offsetHeight, style } = this.card;
    style.left = `${left + away + offsetWidth < this.width ? left + away : left - away - offsetWidth}px`;
    style.top = `${Math.max(0, Math.min(this.height - offsetHeight, top - offsetHeight / 2))}px`;
  }

  say(/** @type {number} */ selected) {
    const count = (/** @type {number} */ many) => say("{n} picture", { n: many.toLocaleString("en") }, "{n} pictures");
    const axis = this.axis >= 0 && say("Axis {name}: drag its end, or press Shift and an arrow key", { name: this.axisName(this.axis) });
    const here = this.has(this.current) && [this.name, this.label].map((one) => one.textContent).filter(Boolean).join(", ");
    write(this.status, [count(this.count), selected && say("{number} selected", { number: selected.toLocaleString("en") }), axis || here].filter(Boolean).join(" · "));
    const keys = `${say("Arrow keys go from picture to picture, Enter chooses one, S selects it, Shift and the arrow keys move, + and − zoom, 0 shows all.")}${this.tour ? ` ${say("P plays, A goes to the next axis.")}` : ""}`;
    this.canvas.setAttribute("aria-label", `${this.model.get("alt")}: ${count(this.count)}. ${keys}`);
  }
}

function render({ model, el, tables }) {
  const view = new View(model, el, tables);
  return () => view.destroy();
}

export default { render };
