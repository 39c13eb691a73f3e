// @ts-check
// The browser's half of ConvolutionView: what can be computed of a convolution, drawn and edited without the kernel.

import { changed, correlate, matrix, moved, overlap, place, question, reach, readers, sentence, size, typed, window as tapsAt, within, zeros } from "./js/convolution.js";
import { element, keepKeys, labelled, observe } from "./js/dom.js";
import { colorize } from "./js/paint.js";
import { format } from "./js/scene.js";

export { changed, correlate, matrix, moved, overlap, place, question, reach, readers, sentence, size, typed, within, zeros } from "./js/convolution.js";
export { window } from "./js/convolution.js";

/** @typedef {import("./js/dom.js").Model} Model */
/** @typedef {import("./js/convolution.js").Cell} Cell */
/** @typedef {import("./js/convolution.js").Convolution} Convolution */
/** @typedef {{ cells: Cell[], color: string, box?: boolean }} Mark */

const LIT = "#e69f00", READS = "#56b4e9", FAINT = "#808080"; // the window, what reads an input, and what is no value
const NUMBERS_FROM = 22; // CSS px of a cell that has its number written in it
const NUMBERED_BAR = 34; // CSS px of a bar that has its number above it
const LARGEST = 44; // CSS px of a cell
const WIDEST = 512; // CSS px of a grid
const PRODUCTS = 25; // taps that are shown one by one
const MATRIX = 4096; // cells of the largest matrix that is drawn
const STRIP = 84; // CSS px: the height of a row of bars
const REST = 250; // ms after the last key, turn of the wheel or move that end a gesture
/** Steps a second, and whether a step is a row. @type {Record<string, [number, boolean]>} */
const SPEEDS = { slow: [1.5, false], medium: [6, false], fast: [25, false], rows: [12, true] };
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Least and greatest value; for signed ones about 0. @param {Iterable<number>[]} rows @returns {[number, number]} */
function range(rows) {
  let low = Infinity, high = -Infinity;
  for (const row of rows) for (const value of row) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const most = Math.max(-low, high);
  return low < 0 ? [-most, most] : [low, high];
}

const ink = (/** @type {Iterable<number>} */ [red, green, blue]) => (0.3 * red + 0.59 * green + 0.11 * blue > 140 ? "#000" : "#fff");

/** Numbers as colored cells on a canvas, with a border of zeros around them. */
class Grid {
  /** @param {string} name @param {Record<string, Uint8Array>} tables */
  constructor(name, tables) {
    this.tables = tables;
    this.canvas = element("canvas", "cnnviz-cells", { tabindex: "0", role: "img" });
    this.title = element("div", "cnnviz-cells-title");
    this.root = element("div", "cnnviz-cells-part", {}, this.title, this.canvas);
    this.name = name;
    this.sheet = document.createElement("canvas"); // one px a cell
    /** @type {ArrayLike<number>[]} */ this.values = [];
    /** @type {Cell} */ this.start = [0, 0]; // of the values, behind the border
    /** @type {Cell} */ this.size = [0, 0]; // with the border
    this.cell = 1;
  }

  /** @param {ArrayLike<number>[]} values @param {[Cell, Cell]} border @param {boolean} weights  whether they get the kernel's colors */
  fill(values, border = [[0, 0], [0, 0]], weights = false) {
    const [rows, columns] = [values.length, values[0]?.length ?? 0];
    let [low, high] = range(/** @type {number[][]} */ (values));
    this.values = values;
    this.start = [border[0][0], border[1][0]];
    this.size = [rows + border[0][0] + border[0][1], columns + border[1][0] + border[1][1]];
    this.title.textContent = `${this.name}, ${rows === 1 ? columns : `${rows} × ${columns}`}${rows * columns ? ` · ${format(low, 3)} … ${format(high, 3)}` : ""}`;
    if (!rows || !columns) return;
    const data = new Float64Array(rows * columns);
    values.forEach((row, at) => data.set(row, at * columns));
    if (weights) low = -high;
    const map = { data, exact: true, size: /** @type {Cell} */ ([rows, columns]), range: () => /** @type {Cell} */ ([low, high]) };
    const colors = colorize(/** @type {any} */ (map), 1, this.tables[low < 0 ? "RdBu" : "gray"], 1);
    [this.sheet.width, this.sheet.height] = [columns, rows];
    this.colors = colors;
    this.sheet.getContext("2d")?.putImageData(new ImageData(colors, columns, rows), 0, 0);
  }

  /** @param {{ room: number, marks: Mark[], upTo?: number }} how  room in CSS px; cells after the ``upTo``-th are left out */
  draw({ room, marks, upTo = Infinity }) {
    const { canvas, size: [rows, columns], start: [top, left] } = this, ratio = devicePixelRatio || 1;
    if (!rows || !columns) return void (canvas.hidden = true);
    const fit = Math.min(LARGEST, room / columns, WIDEST / rows), cell = fit < 1 ? fit : Math.floor(fit);
    this.cell = cell;
    canvas.hidden = false;
    [canvas.width, canvas.height] = [columns, rows].map((count) => Math.round((count * cell + 4) * ratio));
    canvas.style.width = `${columns * cell + 4}px`;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.scale(ratio, ratio);
    context.translate(2, 2);
    context.imageSmoothingEnabled = false;
    context.strokeStyle = FAINT;
    if (top || left || columns > left + this.sheet.width) {
      context.setLineDash([3, 3]);
      context.strokeRect(0, 0, columns * cell, rows * cell);
      context.setLineDash([]);
    }
    const { width, height } = this.sheet;
    context.drawImage(this.sheet, left * cell, top * cell, width * cell, height * cell);
    context.lineWidth = 1;
    context.strokeRect(left * cell - 0.5, top * cell - 0.5, width * cell + 1, height * cell + 1); // black and white are a page's colors, too
    if (upTo < width * height - 1) { // what is not computed yet
      const [row, column] = place(upTo + 1, width);
      context.clearRect(column * cell, row * cell, (width - column) * cell, cell);
      context.clearRect(0, (row + 1) * cell, width * cell, (height - row - 1) * cell);
    }
    if (cell >= NUMBERS_FROM) this.write(context, upTo);
    for (const { cells, color, box } of marks) {
      const boxes = box && cells.length ? [hull(cells)] : [];
      if (!box || cell >= 8) boxes.push(...cells.map(([row, column]) => [row, column, 1, 1]));
      for (const [style, thick] of /** @type {[string, number][]} */ ([["rgba(0, 0, 0, .8)", 4], [color, 2]])) {
        context.strokeStyle = style;
        for (const [at, [row, column, down, across]] of boxes.entries()) {
          context.lineWidth = box && at ? thick / 2 : thick;
          context.strokeRect((column + left) * cell, (row + top) * cell, across * cell, down * cell);
        }
      }
    }
  }

  write(context, upTo) {
    const { cell, size: [rows, columns], start: [top, left] } = this, { width } = this.sheet;
    Object.assign(context, { textAlign: "center", textBaseline: "middle" });
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const value = this.values[row - top]?.[column - left], at = (row - top) * width + column - left;
        if (value !== undefined && at > upTo) continue;
        const text = format(value ?? 0, 3), color = value === undefined ? null : this.colors?.subarray(4 * at, 4 * at + 4);
        context.font = `${Math.min(12, (1.7 * cell) / Math.max(2, text.length))}px system-ui, sans-serif`;
        context.fillStyle = color?.[3] ? ink(color) : FAINT;
        context.fillText(text, (column + 0.5) * cell, (row + 0.5) * cell + 0.5);
      }
    }
  }

  /** The cell under the pointer, without the border. @param {MouseEvent} event @returns {Cell | null} */
  at(event) {
    const bounds = this.canvas.getBoundingClientRect(), [top, left] = this.start;
    const row = Math.floor((event.clientY - bounds.top - 2) / this.cell) - top, column = Math.floor((event.clientX - bounds.left - 2) / this.cell) - left;
    return this.values[row]?.[column] === undefined ? null : [row, column];
  }
}

/** Row, column, height and width of the least rectangle around cells. @param {Cell[]} cells */
function hull(cells) {
  const [rows, columns] = [0, 1].map((axis) => cells.map((cell) => cell[axis]));
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  return [top, left, Math.max(...rows) - top + 1, Math.max(...columns) - left + 1];
}

/** The kernel as cells to be edited: arrow keys move, digits type, the wheel turns. */
class Editor {
  /** @param {Record<string, Uint8Array>} tables @param {(kernel: number[][]) => void} edit @param {() => void} done @param {AbortSignal} signal */
  constructor(tables, edit, done, signal) {
    this.tables = tables;
    this.root = element("div", "cnnviz-kernel", { role: "grid", "aria-label": "Kernel. Arrow keys move, digits set a weight, Page Up and Page Down change it." });
    /** @type {Cell} */ this.at = [0, 0];
    this.text = ""; // of the weight that is being typed
    this.edit = edit;
    /** @type {number[][]} */ this.kernel = [];
    const cellOf = (/** @type {Event} */ event) => {
      const cell = /** @type {HTMLElement} */ (event.target).closest("[role=gridcell]");
      return cell && place([...this.root.querySelectorAll("[role=gridcell]")].indexOf(cell), this.kernel[0].length);
    };
    this.root.addEventListener("focusin", (event) => {
      const at = cellOf(event);
      if (!at) return;
      if (at.join() !== this.at.join()) this.text = "";
      this.at = at;
      this.show(this.kernel);
    }, { signal });
    this.root.addEventListener("focusout", () => ((this.text = ""), done()), { signal });
    this.root.addEventListener("keydown", (event) => this.key(event), { signal });
    this.root.addEventListener("wheel", (event) => {
      const at = cellOf(event); // only in the cell that has the focus: the page goes on scrolling elsewhere
      if (!at || !this.root.contains(document.activeElement) || at.join() !== this.at.join()) return;
      event.preventDefault();
      this.turn(event.deltaY < 0 ? 1 : -1, event.altKey);
    }, { signal, passive: false });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event, to = moved(this.at, key, [this.kernel.length, this.kernel[0].length]);
    if (to) {
      this.text = "";
      this.cells[to[0] * this.kernel[0].length + to[1]].focus();
    } else if (/^[\d.]$/.test(key) || (key === "-" && !this.text)) {
      this.text += key;
      const weight = typed(this.text);
      if (weight !== null && Number.isFinite(weight)) this.edit(changed(this.kernel, this.at, weight));
      else this.show(this.kernel);
    } else if (key === "PageUp") this.turn(1);
    else if (key === "PageDown") this.turn(-1);
    else if (key === "Delete" || key === "Backspace") {
      this.text = "";
      this.edit(changed(this.kernel, this.at, 0));
    } else return;
    event.preventDefault();
  }

  /** Change the weight by a step: 1 where the kernel is of whole numbers, else a tenth; finer with Alt. */
  turn(steps, finer = false) {
    this.text = "";
    const whole = this.kernel.every((row) => row.every(Number.isInteger)), step = (whole ? 1 : 0.1) * (finer ? 0.1 : 1);
    const [row, column] = this.at;
    this.edit(changed(this.kernel, this.at, Number((this.kernel[row][column] + steps * step).toPrecision(6))));
  }

  get cells() {
    return /** @type {HTMLElement[]} */ ([...this.root.querySelectorAll("[role=gridcell]")]);
  }

  /** @param {number[][]} kernel */
  show(kernel) {
    const columns = kernel[0].length, most = Math.max(...kernel.flat().map(Math.abs)) || 1;
    this.at = within(this.at, [kernel.length, columns]);
    if (kernel.length !== this.kernel.length || columns !== this.kernel[0].length) {
      this.root.replaceChildren(...kernel.map((row) => element("div", "cnnviz-kernel-row", { role: "row" }, ...row.map(() => element("div", "cnnviz-weight", { role: "gridcell" })))));
    }
    this.kernel = kernel;
    for (const [at, cell] of this.cells.entries()) {
      const [row, column] = place(at, columns), weight = kernel[row][column], here = row === this.at[0] && column === this.at[1];
      const index = 3 * Math.round(127.5 * (1 + weight / most)), color = [...this.tables.RdBu.subarray(index, index + 3)];
      cell.textContent = here && this.text ? this.text.replace("-", "−") : format(weight, 2);
      cell.title = `row ${row}, column ${column}: ${format(weight, 6)}`;
      cell.tabIndex = here ? 0 : -1;
      cell.style.background = `rgb(${color.join()})`;
      cell.style.color = ink(color);
    }
  }
}

/** Bars from a zero line. @param {CanvasRenderingContext2D} context @param {{ values: ArrayLike<number>, x(at: number): number, wide: number, top: number, range: number[], color(at: number): string, upTo?: number }} how */
function bars(context, { values, x, wide, top, range: [low, high], color, upTo = Infinity }) {
  const foot = wide >= NUMBERED_BAR ? 14 : 2, tall = STRIP - 2 * foot, zero = top + foot + (tall * high) / (high - low);
  context.textAlign = "center";
  context.font = "11px system-ui, sans-serif";
  for (let at = 0; at < Math.min(values.length, upTo + 1); at++) {
    const end = zero - (tall * values[at]) / (high - low), gap = wide > 4 ? 1 : 0;
    context.fillStyle = color(at);
    context.fillRect(x(at) + gap, Math.min(zero, end), Math.max(1, wide - 2 * gap), Math.max(1, Math.abs(end - zero)));
    if (wide < NUMBERED_BAR) continue;
    context.fillStyle = getComputedStyle(context.canvas).color;
    context.fillText(format(values[at], 3), x(at) + wide / 2, values[at] < 0 ? end + 11 : end - 3);
  }
}

class View {
  /** @param {Model} model @param {HTMLElement} el @param {Record<string, Uint8Array>} tables */
  constructor(model, el, tables) {
    this.model = model;
    this.cleanup = new AbortController();
    const { signal } = this.cleanup;
    /** @type {Cell | null} */ this.asked = null; // the input cell whose readers are shown
    /** @type {number | undefined} */ this.upTo = undefined; // while the output is being filled
    this.playing = 0; // the timer
    this.saving = 0; // the timer of a gesture's end
    this.waiting = false; // to be drawn
    const grids = /** @type {[string, string][]} */ ([["input", "Input"], ["output", "Output"], ["matrix", "Matrix C"], ["flat", "flat(I)"], ["flatOut", "flat(O)"], ["overlap", "Windows that reach a cell"]]);
    this.grids = /** @type {Record<string, Grid>} */ (Object.fromEntries(grids.map(([key, name]) => [key, new Grid(name, tables)])));
    const button = (/** @type {string} */ words, /** @type {string} */ help, /** @type {() => void} */ act) => {
      const made = element("button", "cnnviz-plain-button", { type: "button", title: help }, words);
      made.addEventListener("click", act, { signal });
      return made;
    };
    this.play = button("Play", "Let the window go over the input", () => (this.playing ? this.pause() : this.start()));
    this.step = button("Step", "The window's next place", () => (this.pause(), this.go()));
    this.speed = element("select", "cnnviz-choose", { "aria-label": "Speed" }, ...Object.keys(SPEEDS).map((one) => new Option(one, one)));
    this.speed.value = still() ? "slow" : "medium";
    this.speed.addEventListener("change", () => this.playing && (this.halt(), this.start()), { signal });
    this.presets = element("select", "cnnviz-choose", { "aria-label": "Kernel" });
    this.presets.addEventListener("change", () => this.set({ kernel: model.get("presets")[this.presets.value] }), { signal });
    this.presetsLabel = labelled("cnnviz-tool", "Kernel", this.presets);
    const numbers = /** @type {[string, number][]} */ ([["stride", 1], ["padding", 0], ["dilation", 1]]).map(([name, least]) => {
      const field = element("input", "cnnviz-choose cnnviz-count-field", { type: "number", min: least, max: 16, step: 1 });
      if (name === "padding") field.placeholder = field.title = "same"; // where the field is empty
      field.addEventListener("input", () => {
        const value = Math.round(Number(field.value));
        if (!field.value && name === "padding") this.set({ padding: "same" });
        else if (field.value && value >= least && value <= 16) this.set({ [name]: value });
      }, { signal });
      field.addEventListener("blur", () => this.update(), { signal }); // what is not allowed goes back
      return /** @type {const} */ ([name, { field, label: labelled("cnnviz-tool", name[0].toUpperCase() + name.slice(1), field) }]);
    });
    this.numbers = Object.fromEntries(numbers);
    this.editor = new Editor(tables, (kernel) => this.set({ kernel }), () => this.tell(), signal);
    this.products = element("div", "cnnviz-products", { "aria-hidden": "true" }); // the sentence says the same
    this.line = element("div", "cnnviz-window-sum", { role: "status" });
    this.bars = element("canvas", "cnnviz-cells", { tabindex: "0", role: "img" });
    this.large = element("div", "cnnviz-cells-title");
    const { input, output, matrix: whole, flat, flatOut, overlap: counts } = this.grids;
    const kernel = element("div", "cnnviz-cells-part", {}, element("div", "cnnviz-cells-title", {}, "Kernel"), this.editor.root);
    const products = element("div", "cnnviz-cells-part", {}, element("div", "cnnviz-cells-title", {}, "Input · weight"), this.products);
    this.middle = element("div", "cnnviz-middle", {}, kernel, products);
    /** @type {Record<string, HTMLElement[]>} */
    this.drawn = { grid: [input.root, output.root], window: [products], editor: [kernel], matrix: [whole.root, flatOut.root, this.large], bars: [this.bars], overlap: [counts.root] };
    whole.title.before(flat.title, flat.canvas);
    const speed = labelled("cnnviz-tool", "Speed", this.speed);
    /** @type {Record<string, HTMLElement[]>} */
    this.tools = { play: [this.play, this.step, speed], ...Object.fromEntries(numbers.map(([name, { label }]) => [name, [label]])) };
    const tools = element("div", "cnnviz-convolution-tools", {}, this.play, this.step, speed, this.presetsLabel, ...numbers.map(([, { label }]) => label));
    this.root = element("div", "cnnviz-convolution", {}, tools,
      element("div", "cnnviz-convolution-row", {}, input.root, this.middle, output.root), this.bars, this.line,
      element("div", "cnnviz-convolution-row cnnviz-convolution-low", {}, whole.root, flatOut.root, counts.root), this.large);
    el.append(this.root);
    this.listen(signal);
    this.update();
  }

  /** @returns {Convolution} */
  get convolution() {
    const [input, kernel, stride, padding, dilation] = ["input", "kernel", "stride", "padding", "dilation"].map((name) => this.model.get(name));
    return { input, kernel, stride, padding, dilation };
  }

  // ----------------------------------------------------------------------------------------------------- gestures

  /** @param {AbortSignal} signal */
  listen(signal) {
    const { input, output, matrix: whole, overlap: counts } = this.grids;
    const on = (/** @type {HTMLElement} */ target, /** @type {string} */ type, /** @type {(event: any) => void} */ handler) => target.addEventListener(type, handler, { signal });
    for (const grid of [input, counts]) {
      on(grid.canvas, "click", (event) => this.ask(grid.at(event)));
      on(grid.canvas, "keydown", (event) => this.key(event, this.asked ?? [0, 0], [this.convolution.input.length, this.convolution.input[0].length], (cell) => this.ask(cell)));
    }
    for (const [canvas, at] of /** @type {[HTMLElement, (event: MouseEvent) => Cell | null | undefined][]} */ ([
      [output.canvas, (event) => output.at(event)],
      [whole.canvas, (event) => {
        const cell = whole.at(event);
        return cell && place(cell[0], this.size[1]);
      }],
      [this.bars, (event) => this.barAt(event)],
    ])) {
      const take = (/** @type {MouseEvent} */ event) => {
        const cell = at(event);
        if (cell) this.put(cell);
      };
      on(canvas, "pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        take(event);
      });
      on(canvas, "pointermove", (event) => event.buttons && take(event));
      on(canvas, "pointerup", () => this.tell());
      on(canvas, "keydown", (event) => this.key(event, this.place, this.size, (cell) => this.put(cell)));
    }
    on(this.root, "keydown", keepKeys);
    this.unobserve = observe(this.model, {
      "change:input change:kernel change:stride change:padding change:dilation change:place": () => this.update(),
      "change:drawings change:tools change:presets change:alt": () => this.update(),
    });
    this.resized = new ResizeObserver(() => this.update());
    this.resized.observe(this.root);
    globalThis.addEventListener("resize", () => this.update(), { signal }); // the browser's zoom changes the px of the screen
  }

  destroy() {
    this.halt();
    if (this.saving) this.tell();
    this.cleanup.abort();
    this.resized?.disconnect();
    this.unobserve?.();
    this.root.remove();
  }

  /** Change traits here at once; Python hears of the last of them, when the gesture has ended. @param {Record<string, unknown>} traits */
  set(traits) {
    for (const [name, value] of Object.entries(traits)) this.model.set(name, value);
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.tell(), REST);
  }

  tell() {
    if (!this.saving || this.playing) return;
    clearTimeout(this.saving);
    this.saving = 0;
    this.model.save_changes();
  }

  /** @param {KeyboardEvent} event @param {Cell} cell @param {Cell} size @param {(cell: Cell) => void} go */
  key(event, cell, size, go) {
    const to = moved(cell, event.key, size);
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(to);
  }

  /** Put the window somewhere. @param {Cell} cell */
  put(cell) {
    this.halt();
    this.asked = null;
    this.upTo = undefined;
    this.set({ place: within(cell, this.size) });
    this.update();
  }

  /** Show who reads an input cell. @param {Cell | null} cell */
  ask(cell) {
    this.asked = cell;
    this.update();
  }

  start() {
    const [rate, byRow] = SPEEDS[this.speed.value], last = this.size[0] * this.size[1] - 1;
    if (last < 0) return;
    if (this.index >= last) this.put([0, 0]);
    this.upTo = this.index;
    this.playing = setInterval(() => this.go(byRow), 1000 / rate);
    this.update();
  }

  /** One step on. */
  go(byRow = false) {
    const [rows, columns] = this.size, next = byRow ? (this.place[0] + 1) * columns : this.index + 1, last = rows * columns - 1;
    this.asked = null;
    this.upTo = Math.min(next > last && !this.playing ? 0 : next, last);
    this.set({ place: place(this.upTo, columns) });
    if (this.playing && this.upTo === last) this.pause();
    this.update();
  }

  halt() {
    clearInterval(this.playing);
    this.playing = 0;
  }

  pause() {
    if (!this.playing) return;
    this.halt();
    this.tell();
    this.update();
  }

  // ------------------------------------------------------------------------------------------------------ drawing

  /** Draw before the next frame, however many traits change at once. */
  update() {
    if (this.waiting) return;
    this.waiting = true;
    queueMicrotask(() => {
      this.waiting = false;
      if (!this.cleanup.signal.aborted) this.draw();
    });
  }

  /** @returns {Cell} */
  get size() {
    return size(this.convolution);
  }

  get place() {
    return within(this.model.get("place"), this.size);
  }

  get index() {
    return this.place[0] * this.size[1] + this.place[1];
  }

  draw() {
    const { model } = this, c = this.convolution, drawings = new Set(model.get("drawings"));
    const signal = c.input.length === 1, [rows, columns] = this.size, fits = rows * columns > 0;
    const shown = /** @type {[Record<string, HTMLElement[]>, Set<string>][]} */ ([[this.drawn, drawings], [this.tools, new Set(model.get("tools"))]]);
    for (const [parts, names] of shown) for (const [name, elements] of Object.entries(parts)) for (const one of elements) one.hidden = !names.has(name);
    this.presetsLabel.hidden = !Object.keys(model.get("presets")).length;
    this.middle.hidden = !drawings.has("window") && !drawings.has("editor");
    this.play.textContent = this.playing ? "Pause" : "Play";
    this.root.setAttribute("aria-label", model.get("alt"));
    for (const [name, { field }] of Object.entries(this.numbers)) if (document.activeElement !== field) field.value = model.get(name) === "same" ? "" : String(model.get(name));
    const names = Object.keys(model.get("presets")), known = names.find((name) => JSON.stringify(model.get("presets")[name]) === JSON.stringify(c.kernel));
    if ([...this.presets.options].map(({ value }) => value).join() !== ["", ...names].join() || !this.presets.length) this.presets.replaceChildren(new Option("own", ""), ...names.map((name) => new Option(name, name)));
    this.presets.options[0].hidden = known !== undefined;
    this.presets.value = known ?? "";
    this.editor.show(c.kernel);
    const key = [c.input, c.kernel, c.stride, c.padding, c.dilation];
    if (!this.known || key.some((one, at) => one !== this.known?.[at])) {
      this.known = key;
      this.compute(c, drawings);
    }
    const taps = fits ? tapsAt(c, this.place) : [], asked = this.asked && within(this.asked, [c.input.length, c.input[0].length]);
    /** @type {Mark[]} */
    const lit = asked ? [{ cells: [asked], color: READS }] : [{ cells: taps.map(({ row, column }) => [row, column]), color: LIT, box: true }];
    const reading = asked ? readers(c, asked).map((one) => one.place) : [];
    const hit = asked ? [{ cells: reading, color: READS, box: reading.length > 1 && c.dilation === 1 }] : fits ? [{ cells: [this.place], color: LIT }] : [];
    this.line.textContent = !fits ? "The kernel does not fit into the input." : asked ? question(c, asked) : drawings.has("grid") || drawings.has("bars") ? sentence(c, this.place) : reach(c, this.place);
    const all = this.root.clientWidth, wide = all >= 640, between = drawings.has("editor") || drawings.has("window") ? this.middle.offsetWidth + 48 : 24;
    const room = Math.max(96, Math.min(WIDEST, wide ? (all - between) / 2 - 2 : all - 2));
    const { input, output, matrix: whole, flat, flatOut, overlap: counts } = this.grids;
    if (drawings.has("grid")) {
      input.draw({ room, marks: lit });
      output.draw({ room, marks: hit, upTo: this.upTo });
    }
    if (drawings.has("window")) this.multiply(taps, c.kernel[0].length);
    const small = fits && rows * columns * c.input.length * c.input[0].length <= MATRIX;
    if (drawings.has("matrix")) {
      for (const { root } of [whole, flatOut]) root.hidden = !small;
      this.large.hidden = small || !fits;
    }
    if (drawings.has("matrix") && small) {
      const at = this.index, line = /** @type {Mark[]} */ (asked
        ? [{ cells: Array.from({ length: rows * columns }, (_, row) => [row, asked[0] * c.input[0].length + asked[1]]), color: READS, box: true }]
        : [{ cells: Array.from({ length: whole.size[1] }, (_, column) => [at, column]), color: LIT, box: true }]);
      whole.draw({ room: Math.min(all - 190, 900), marks: line });
      flat.draw({ room: whole.cell * whole.size[1], marks: asked ? [{ cells: [[0, asked[0] * c.input[0].length + asked[1]]], color: READS }] : [] });
      flatOut.draw({ room: whole.cell, marks: asked ? [] : [{ cells: [[at, 0]], color: LIT }], upTo: this.upTo });
    }
    if (drawings.has("overlap")) counts.draw({ room: Math.min(all - 2, signal ? 900 : WIDEST), marks: lit });
    if (drawings.has("bars") && fits) this.drawBars(c, all, asked, reading);
    const grids = [input, output, whole, flat, flatOut, counts];
    for (const one of grids) one.canvas.setAttribute("aria-label", `${one.title.textContent}. ${this.line.textContent}`);
    this.bars.setAttribute("aria-label", `${signal ? "Signal and output" : model.get("alt")}. ${this.line.textContent}`);
  }

  /** What changes with the numbers, and not with the place of the window. @param {Convolution} c @param {Set<string>} drawings */
  compute(c, drawings) {
    const { input, output, matrix: whole, flat, flatOut, overlap: counts } = this.grids, [rows, columns] = this.size;
    this.output = correlate(c);
    this.upTo = this.playing ? this.upTo : undefined;
    input.fill(c.input, zeros(c));
    output.fill(columns ? this.output : []);
    if (drawings.has("matrix")) {
      const [down, across] = [rows * columns, c.input.length * c.input[0].length];
      this.large.textContent = `C has ${down.toLocaleString("en")} rows and ${across.toLocaleString("en")} columns: too many to be drawn.`;
      if (down && down * across <= MATRIX) {
        whole.fill(matrix(c), undefined, true);
        flat.fill([c.input.flat()]);
        flatOut.fill(this.output.flatMap((row) => Array.from(row, (one) => [one])));
      }
    }
    if (drawings.has("overlap")) {
      const padded = zeros(c), sides = [c.input.length, c.input[0].length], taps = [c.kernel.length, c.kernel[0].length];
      const [down, across] = sides.map((cells, axis) => {
        const reached = overlap(taps[axis], c.input.length === 1 && axis === 0 ? 1 : c.stride, [rows, columns][axis], c.dilation);
        return Array.from({ length: cells }, (_, at) => reached[at + padded[axis][0]] ?? 0);
      });
      counts.fill(down.map((one) => across.map((other) => one * other)));
    }
  }

  /** @param {import("./js/convolution.js").Tap[]} taps @param {number} columns */
  multiply(taps, columns) {
    /** @type {HTMLElement} */ (this.products.parentElement).hidden = !taps.length || taps.length > PRODUCTS;
    if (!taps.length || taps.length > PRODUCTS) return;
    this.products.style.gridTemplateColumns = `repeat(${columns}, auto)`;
    this.products.replaceChildren(...taps.map(({ weight, value, inside }) => element("div", inside ? "" : "cnnviz-outside", {}, element("span", "", {}, `${format(value, 3)} · ${format(weight, 2)}`), element("b", "", {}, format(weight * value, 3)))));
  }

  /** Where the bars of a signal stand: x of a cell, and of an output, which stands under the middle of its window. */
  scale(/** @type {Convolution} */ c, /** @type {number} */ all) {
    const [, [before, after]] = zeros(c), count = c.input[0].length + before + after, cell = Math.min(LARGEST, all / count), span = (c.kernel[0].length - 1) * c.dilation;
    const wide = cell * c.stride;
    return { cell, wide, count, input: (/** @type {number} */ at) => (at + before) * cell, output: (/** @type {number} */ at) => (at * c.stride + span / 2 + 0.5) * cell - wide / 2, span: (span + 1) * cell };
  }

  /** @param {Convolution} c @param {number} all @param {Cell | null} asked @param {Cell[]} reading */
  drawBars(c, all, asked, reading) {
    const ratio = devicePixelRatio || 1, { cell, wide, count, input, output, span } = this.scale(c, all), canvas = this.bars, values = this.output?.[0] ?? [];
    [canvas.width, canvas.height] = [count * cell * ratio, 2 * STRIP * ratio];
    canvas.style.width = `${count * cell}px`;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), column = this.place[1];
    context.scale(ratio, ratio);
    const ends = (/** @type {ArrayLike<number>} */ row) => [Math.min(0, ...Array.from(row)), Math.max(0, ...Array.from(row))];
    const both = [ends(c.input[0]), ends(values)], common = [Math.min(both[0][0], both[1][0]), Math.max(both[0][1], both[1][1]) || 1];
    if (!asked) {
      context.fillStyle = `${LIT}55`;
      context.fillRect(column * c.stride * cell, 0, span, STRIP);
    }
    bars(context, { values: c.input[0], x: input, wide: cell, top: 0, range: common, color: (at) => (asked?.[1] === at ? READS : FAINT) });
    const hit = new Set(reading.map(([, at]) => at));
    bars(context, { values, x: output, wide, top: STRIP, range: common, color: (at) => (asked ? (hit.has(at) ? READS : FAINT) : at === column ? LIT : "#0072b2"), upTo: this.upTo });
  }

  /** The output under a place in the bars; above them an input is asked for. @param {MouseEvent} event @returns {Cell | null} */
  barAt(event) {
    const c = this.convolution, bounds = this.bars.getBoundingClientRect(), { cell, wide, input, output } = this.scale(c, this.root.clientWidth);
    const x = event.clientX - bounds.left, y = event.clientY - bounds.top;
    if (y >= STRIP) return [0, Math.floor((x - output(0)) / wide)];
    this.ask([0, Math.floor((x - input(0)) / cell)]);
    return null;
  }
}

function render({ model, el, tables }) {
  const view = new View(model, el, tables);
  return () => view.destroy();
}

export default { render };
