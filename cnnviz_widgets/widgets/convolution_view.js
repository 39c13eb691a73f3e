// @ts-check
// The browser's half of ConvolutionView: what can be computed of a convolution, drawn and edited without the kernel.

import { correlate, counts, entered, matrix, moved, padded, place, question, reach, readers, sentence, sides, size, window as tapsAt, within, zeros } from "./js/convolution.js";
import { element, isForNotebook, keepKeys, labelled, listening, observe, plainButton, watch, write } from "./js/dom.js";
import { colorize, light, outlined, writeNumbers } from "./js/paint.js";
import { format } from "./js/scene.js";
import { say } from "./js/words.js";

export * from "./js/convolution.js";

/** @typedef {import("./js/convolution.js").Cell} Cell */

const LIT = "#e69f00", READS = "#56b4e9", FAINT = "#808080"; // the window, what reads an input, and the edges of numbers
const LARGEST = 44, WIDEST = 512, STRIP = 84, MARGIN = 2; // CSS px: of a cell, of a grid, the height of bars, around all
const BAR = 0.35; // the color of bars, of viridis
const PAPER = new Uint8Array(768).fill(255); // the numbers of bars are dark: they stand half on a bar, half above it
const PRODUCTS = 25, MATRIX = 4096; // taps that are shown one by one, and cells of the largest matrix that is drawn
const EDITED = 576; // cells of the largest input that can be edited
const REST = 250; // ms after the last key, turn of the wheel or move that end a gesture
/** Steps a second, and whether a step is a row. @type {Record<string, [number, boolean]>} */
const SPEEDS = { slow: [1.5, false], medium: [6, false], fast: [25, false], rows: [12, true] };
const LEAST = { stride: 1, padding: 0, dilation: 1 }, MOST = 16;
const NAMES = {
  own: say("own"), slow: say("slow"), medium: say("medium"), fast: say("fast"), rows: say("rows"),
  stride: say("Stride"), padding: say("Padding"), dilation: say("Dilation"),
};
const TRAITS = ["input", "kernel", "stride", "padding", "dilation", "windows"];

/** Least and greatest number. @param {Iterable<number>[]} rows @returns {[number, number]} */
function range(rows) {
  let low = Infinity, high = -Infinity;
  for (const row of rows) {
    for (const value of row) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

/** A signal as columns of px from a zero line. */
function bars([values], [low, high]) {
  const unit = (STRIP - 1) / (high - low), zero = Math.round(unit * high);
  const ends = Array.from(values, (value) => [zero, zero - Math.round(unit * value)].sort((a, b) => a - b));
  return Array.from({ length: STRIP }, (_, y) => ends.map(([top, foot]) => (y >= top && y <= foot ? BAR : NaN)));
}

/** A canvas with numbers, as colored cells or as bars. */
class Grid {
  constructor(name, isBars, tables) {
    this.name = name;
    this.isBars = isBars;
    this.tables = tables;
    this.canvas = element("canvas", "cnnviz-cells", { tabindex: "0", role: "img" });
    this.title = element("div", "cnnviz-cells-title");
    this.root = element("div", "cnnviz-cells-part", {}, this.title, this.canvas);
    this.sheet = document.createElement("canvas"); // one px a cell
    this.inner = [0, 0, 0, 0];
    this.wide = 1; // CSS px of a cell
    /** @type {any} */ this.map = {};
  }

  /** Color numbers; NaN is left out. */
  fill(values, [low, high], signed) {
    const { isBars, sheet } = this, [rows, columns] = sides(values), most = Math.max(-low, high);
    const ends = isBars ? [0, 1] : signed ? [-most, most] : [low, high], pixels = isBars ? bars(values, [low, high]) : values;
    const data = new Float64Array(pixels.length * columns);
    for (const [row, line] of pixels.entries()) data.set(line, row * columns);
    this.table = this.tables[isBars ? "viridis" : signed ? "RdBu" : "gray"];
    this.map = {
      data, exact: true, size: [pixels.length, columns], range: () => ends,
      rows: [...Array(rows).keys()], columns: [...Array(columns).keys()], at: (_, row, column) => values[row][column],
    };
    [sheet.width, sheet.height] = [columns, pixels.length];
    sheet.getContext("2d")?.putImageData(new ImageData(colorize(this.map, 1, this.table, 1), columns), 0, 0);
  }

  /**
   * values, inner      all numbers, and [row, column, height, width] of those that are no padding
   * cells, color, box  what is framed; ``box``: with a frame around all of it
   * ends, axis         the least and the greatest number; those of the colors or bars
   * room, largest      CSS px of the canvas, and of a cell
   */
  draw({ values, inner = [0, 0, ...sides(values)], ends = range(values), axis = ends, signed = ends[0] < 0, cells, color, box = false, room, largest = LARGEST }) {
    const { canvas, isBars } = this, ratio = devicePixelRatio || 1, [rows, columns] = sides(values), [top, left, height, width] = (this.inner = inner);
    write(this.title, `${this.name}, ${height === 1 ? width : `${height} × ${width}`}${width ? ` · ${ends.map((end) => format(end, 3)).join(" … ")}` : ""}`);
    canvas.hidden = !columns;
    if (!columns) return;
    const key = [values, ...axis], fit = Math.min(largest, room / columns, WIDEST / rows), wide = (this.wide = fit < 1 || isBars ? fit : Math.floor(fit));
    if (key.some((one, at) => one !== this.key?.[at])) this.fill(values, axis, signed);
    this.key = key;
    const [across, down, around] = [columns * wide, rows * (isBars ? STRIP : wide), MARGIN].map((side) => Math.round(side * ratio));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    if (canvas.width === across + 2 * around && canvas.height === down + 2 * around) context.reset();
    else [canvas.width, canvas.height, canvas.style.width] = [across + 2 * around, down + 2 * around, `${(across + 2 * around) / ratio}px`];
    context.translate(around, around);
    Object.assign(context, { imageSmoothingEnabled: wide < 1, imageSmoothingQuality: "high" });
    context.drawImage(this.sheet, 0, 0, across, down);
    writeNumbers(context, this.map, 0, [0, 0, across, down], [0, 0, across, down], ratio, 1, isBars ? PAPER : this.table, 3);
    const frame = (/** @type {number[][]} */ every, color, thick) => outlined(context, ratio, () => {
      for (const [x, y, w = 1, h = 1] of every) context.rect((x * across) / columns, (y * down) / rows, (w * across) / columns, (h * down) / rows);
    }, color, thick);
    const corners = cells.map(([row, column]) => [column + left, row + top]);
    if (!isBars) frame([[0, 0, columns, rows], [left, top, width, height]], FAINT, 1);
    if (!box || wide >= 8) frame(corners, color, box ? 1 : 2);
    if (!box || !cells.length) return;
    const [[from, to], [first, last]] = [0, 1].map((axis) => range([corners.map((one) => one[axis])]));
    frame([[from, first, to - from + 1, last - first + 1]], color, 2);
  }

  /** The cell under the pointer. @returns {Cell | null} */
  at(event) {
    const bounds = this.canvas.getBoundingClientRect(), [top, left, ...size] = this.inner;
    const down = (event.clientY - bounds.top - MARGIN) / (this.isBars ? STRIP : this.wide), across = (event.clientX - bounds.left - MARGIN) / this.wide;
    const cell = /** @type {Cell} */ ([Math.floor(down) - top, Math.floor(across) - left]);
    return cell.every((one, axis) => one >= 0 && one < size[axis]) ? cell : null;
  }
}

class View {
  constructor(model, el, tables) {
    this.model = model;
    this.tables = tables;
    this.all = this.between = 0; // CSS px: the width, and that of what stands between input and output
    /** @type {Record<string, any>} */ this.grids = {}; // those that are drawn
    /** @type {Record<string, HTMLInputElement>} */ this.fields = {};
    /** @type {any} */ this.known = null; // what follows from the traits
    this.cleanup = new AbortController();
    this.on = listening(this.cleanup.signal);
    /** The input cell whose readers are shown. @type {Cell | null} */ this.asked = null;
    /** The weight that can be edited. @type {Cell} */ this.weight = [0, 0];
    /** @type {any[][]} */ this.weights = []; // the kernel's cells
    this.typed = { trait: "", text: "" }; // of the input or the kernel: the number that is being typed
    /** @type {number | undefined} */ this.upTo = undefined; // while the output is being filled
    this.playing = this.saving = 0; // timers: of the window, and of a gesture's end
    this.waiting = false; // to be drawn
    this.editor = element("div", "cnnviz-kernel", { role: "grid", "aria-label": say("Kernel. Arrow keys move, digits set a weight, Page Up and Page Down change it.") });
    this.products = element("div", "cnnviz-products", { "aria-hidden": "true" }); // the sentence says the same
    this.middle = element("div", "cnnviz-middle");
    this.line = element("div", "cnnviz-window-sum", { role: "status" });
    this.large = element("div", "cnnviz-cells-title");
    this.root = element("div", "cnnviz-convolution");
    el.append(this.root);
    this.on(this.root, { keydown: keepKeys });
    this.reachable(this.editor, () => this.weight, ({ target }) => target.closest("[role=gridcell]")?.cell, (cell) => {
      if (!cell) return;
      this.weight = cell;
      this.weights[cell[0]][cell[1]].focus();
      this.update();
    }, "kernel");
    const measure = () => {
      [this.all, this.between] = [this.root.clientWidth, this.middle.offsetWidth]; // read here alone: what is drawn waits for no layout
      this.update();
    };
    watch(new ResizeObserver(measure), this.cleanup.signal, this.root, this.middle);
    this.on(globalThis, { resize: measure }); // the browser's zoom changes the px of the screen
    observe(model, {
      [[...TRAITS, "place", "alt"].map((name) => `change:${name}`).join(" ")]: () => this.update(),
      "change:drawings change:tools change:presets": () => (this.build(), measure()),
    }, this.cleanup.signal);
    this.build();
    measure();
  }

  /** All that drawings, tools and presets ask for. */
  build() {
    const { model, on } = this, presets = model.get("presets");
    const [drawing, tool] = ["drawings", "tools"].map((trait) => (name, ...parts) => (model.get(trait).includes(name) ? parts : []));
    const row = (...parts) => element("div", "cnnviz-convolution-row", {}, ...parts.flat());
    const part = (title, shown) => element("div", "cnnviz-cells-part", {}, element("div", "cnnviz-cells-title", {}, title), shown);
    const choice = (word, names, change) => {
      const select = on(element("select", "cnnviz-choose", { "aria-label": word }, ...names.map((name) => new Option(NAMES[name] ?? name, name))), { change });
      return [select, labelled("cnnviz-tool", word, select)];
    };
    this.play = on(plainButton(say("Play"), say("Let the window go over the input")), { click: () => (this.playing ? this.pause() : this.start()) });
    const step = on(plainButton(say("Step"), say("The window's next place")), { click: () => (this.pause(), this.go()) });
    const [speed, speedLabel] = choice(say("Speed"), Object.keys(SPEEDS), () => this.playing && this.start());
    const [preset, presetLabel] = choice(say("Kernel"), ["own", ...Object.keys(presets)], () => this.set({ kernel: presets[preset.value] }));
    speed.value = matchMedia("(prefers-reduced-motion: reduce)").matches ? "slow" : "medium";
    this.speed = speed;
    this.preset = preset;
    const fields = Object.entries(LEAST).flatMap(([name, min]) => {
      const field = (this.fields[name] = element("input", "cnnviz-choose cnnviz-count-field", { type: "number", min, max: MOST }));
      const empty = name === "padding" ? "same" : null; // what an empty field means
      if (empty) field.placeholder = field.title = empty;
      const input = () => (field.value ? field.validity.valid : empty) && this.set({ [name]: field.value ? Number(field.value) : empty });
      on(field, { input, blur: () => this.update() }); // what is not allowed goes back
      return tool(name, labelled("cnnviz-tool", NAMES[name], field));
    });
    [this.grids, this.known] = [{}, null];
    const grid = (of, name, title, ofInput = false, flat = -1) => drawing(of, 0).map(() => {
      const made = (this.grids[name] = new Grid(title, of === "bars", this.tables));
      const at = (event) => {
        const cell = made.at(event), { c, size } = this.now;
        return cell && flat >= 0 ? place(cell[flat], ofInput ? sides(c.input)[1] : size[1]) : cell;
      };
      if (ofInput) this.reachable(made.canvas, () => this.asked && within(this.asked, sides(this.now.c.input)), at, (cell) => this.ask(cell), "input");
      else this.reachable(made.canvas, () => this.place, at, (cell) => cell && this.put(cell));
      return made.root;
    });
    this.middle.replaceChildren(...drawing("editor", part(say("Kernel"), this.editor)), ...drawing("window", part(say("Input · weight"), this.products)));
    this.root.replaceChildren(
      element("div", "cnnviz-convolution-tools", {}, ...tool("play", this.play, step, speedLabel), ...(preset.length > 1 ? [presetLabel] : []), ...fields),
      row(grid("grid", "input", say("Input"), true), this.middle, grid("grid", "output", say("Output"))),
      ...grid("bars", "signal", say("Signal"), true), ...grid("bars", "smoothed", say("Output")), this.line,
      row(element("div", "", {}, ...grid("matrix", "flat", "flat(I)", true, 1), ...grid("matrix", "matrix", say("Matrix C"), false, 0)), grid("matrix", "flatOut", "flat(O)", false, 0), drawing("matrix", this.large)),
      ...grid("overlap", "overlap", say("Windows that reach a cell"), true));
  }

  // ----------------------------------------------------------------------------------------------------- gestures

  /** Let pointer and keys choose a cell, and edit the numbers of a trait: digits, Delete, Page Up and Page Down, and the wheel where the focus is. */
  reachable(target, current, at, go, trait = "") {
    const choose = (cell) => {
      this.typed.text = "";
      go(cell);
    };
    const drag = (event) => {
      if (event.buttons) choose(at(event));
    };
    const enter = (event, key) => {
      const cell = current(), rows = this.now.c[trait], typed = this.typed.trait === trait ? this.typed.text : "";
      const made = cell && rows?.flat().length <= EDITED && !this.now.key[5] && entered(rows, cell, key, typed, event.altKey);
      if (!made) return;
      event.preventDefault();
      this.typed = { trait, text: made.text };
      this.set({ [trait]: made.rows });
    };
    this.on(target, {
      pointerdown: (event) => (target.setPointerCapture(event.pointerId), drag(event)), pointermove: drag, pointerup: () => this.tell(),
      keydown: (event) => {
        if (isForNotebook(event)) return;
        const to = moved(current() ?? [0, 0], event.key, trait ? sides(this.now.c[trait]) : this.now.size);
        if (!to) return enter(event, event.key);
        event.preventDefault();
        choose(to);
      },
      wheel: (event) => {
        if (target.contains(document.activeElement) && String(at(event)) === String(current())) enter(event, event.deltaY < 0 ? "PageUp" : "PageDown");
      },
      focusout: () => ((this.typed.text = ""), this.tell(), this.update()),
    });
  }

  destroy() {
    this.halt();
    this.tell();
    this.cleanup.abort();
    this.root.remove();
  }

  /** Change traits here at once; Python hears of the last of them, when the gesture has ended. */
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

  /** Put the window somewhere. @param {Cell} cell */
  put(cell) {
    this.halt();
    [this.asked, this.upTo] = [null, undefined];
    this.set({ place: within(cell, this.now.size) });
    this.update();
  }

  /** Show who reads an input cell. @param {Cell | null} cell */
  ask(cell) {
    this.asked = cell;
    this.update();
  }

  start() {
    const [rate, byRow] = SPEEDS[this.speed.value], [rows, columns] = this.now.size;
    this.halt();
    if (!(rows * columns)) return;
    if (this.index >= rows * columns - 1) this.put([0, 0]);
    this.upTo = this.index;
    this.playing = setInterval(() => this.go(byRow), 1000 / rate);
    this.update();
  }

  /** One step on. */
  go(byRow = false) {
    const [rows, columns] = this.now.size, next = byRow ? (this.place[0] + 1) * columns : this.index + 1, last = rows * columns - 1;
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

  get place() {
    return within(this.model.get("place"), this.now.size);
  }

  get index() {
    return this.place[0] * this.now.size[1] + this.place[1];
  }

  /** The convolution and what follows from it, wherever the window is. */
  get now() {
    const key = TRAITS.map((name) => this.model.get(name));
    if (!this.known || key.some((one, at) => one !== this.known.key[at])) {
      const [given, kernel, stride, padding, dilation, windows] = key;
      const [tall, wide] = sides(kernel).map((taps) => (windows - 1) * stride + (taps - 1) * dilation + 1);
      const input = windows ? Array.from({ length: tall }, () => new Array(wide).fill(0)) : given;
      const c = { input, kernel, stride, padding, dilation }, border = zeros(c), [[top], [left]] = border, output = correlate(c);
      const shown = this.known?.c.input === input && String(this.known.border) === String(border) ? this.known.shown : { values: padded(c), inner: [top, left, ...sides(input)], ends: range(input) };
      this.known = { key, c, border, shown, size: size(c), output, ends: range(output), counts: this.grids.overlap && counts(c) };
      this.upTo = this.playing ? this.upTo : undefined;
    }
    return this.known;
  }

  draw() {
    const { model, grids, now, place: at, all, fields, playing, upTo = Infinity } = this, { c, size: [rows, columns], shown, ends } = now;
    const [tall, wide] = sides(c.input), asked = this.asked && within(this.asked, [tall, wide]), fits = rows * columns > 0, taps = fits ? tapsAt(c, at) : [];
    const seen = asked ? { cells: [asked], color: READS } : { cells: taps.map(({ row, column }) => [row, column]), color: LIT, box: true };
    const hit = asked ? { cells: readers(c, asked).map((one) => one.place), color: READS, box: c.dilation === 1 } : { cells: fits ? [at] : [], color: LIT };
    const output = upTo < Infinity ? now.output.map((row, i) => row.map((value, j) => (i * columns + j > upTo ? NaN : value))) : now.output;
    write(this.line, !fits ? say("The kernel does not fit into the input.") : asked ? question(c, asked) : grids.overlap ? reach(c, at) : sentence(c, at));
    write(this.play, playing ? say("Pause") : say("Play"));
    this.root.setAttribute("aria-label", model.get("alt"));
    const presets = Object.entries(model.get("presets")), known = presets.find(([, kernel]) => String(kernel) === String(c.kernel));
    this.preset.value = known ? known[0] : "own";
    this.preset.options[0].hidden = Boolean(known);
    for (const [name, field] of Object.entries(fields)) if (document.activeElement !== field) field.value = c[name] === "same" ? "" : c[name];
    this.showKernel(c.kernel);
    this.showProducts(taps, c.kernel[0].length);
    const room = Math.max(96, all >= 640 ? (all - this.between) / 2 - 26 : all - 4);
    grids.input?.draw({ ...shown, ...seen, room });
    grids.output?.draw({ values: output, ends, ...hit, room });
    if (grids.signal) {
      const axis = range([[0], ...c.input, ...now.output]), span = (c.kernel[0].length - 1) * c.dilation;
      grids.signal.draw({ ...shown, ...seen, axis, room: all - 4 });
      const cell = grids.signal.wide;
      grids.smoothed.draw({ values: output, ends, ...hit, axis, room: cell * c.stride * columns, largest: Infinity });
      grids.smoothed.canvas.style.marginLeft = `${(cell * (span + 1 - c.stride)) / 2}px`; // an output stands under the middle of its window
    }
    grids.overlap?.draw({ values: now.counts, ...seen, room: all - 4 });
    if (grids.matrix) this.drawMatrix(c, seen, hit, output);
    for (const { canvas, title } of Object.values(grids)) canvas.setAttribute("aria-label", `${title.textContent}. ${this.line.textContent}`);
  }

  drawMatrix(c, seen, hit, output) {
    const { matrix: whole, flat, flatOut } = this.grids, [wide, columns] = [sides(c.input)[1], this.now.size[1]], [down, across] = [output, c.input].map((one) => sides(one)[0] * sides(one)[1]);
    const small = down * across <= MATRIX;
    write(this.large, small ? "" : say("C has {n} rows and {across} columns: too many to be drawn.", { n: down.toLocaleString("en"), across: across.toLocaleString("en") }));
    for (const { root } of [whole, flat, flatOut]) root.hidden = !small || !down;
    if (!small || !down) return;
    const inside = seen.cells.filter(([row, column]) => c.input[row]?.[column] !== undefined).map(([row, column]) => row * wide + column), made = hit.cells.map(([row, column]) => row * columns + column);
    const line = Array.from({ length: this.asked ? down : across }, (_, at) => (this.asked ? [at, inside[0]] : [made[0], at]));
    this.now.matrix ??= matrix(c);
    whole.draw({ values: this.now.matrix, signed: true, cells: line, color: seen.color, box: true, room: Math.min(this.all - 190, 900) });
    flat.draw({ values: [c.input.flat()], cells: inside.map((at) => [0, at]), color: seen.color, room: whole.wide * across });
    flatOut.draw({ values: output.flatMap((row) => Array.from(row, (one) => [one])), ends: this.now.ends, cells: made.map((at) => [at, 0]), color: hit.color, room: whole.wide });
  }

  showKernel(kernel) {
    if (String(sides(kernel)) !== String(sides(this.weights))) {
      this.weights = kernel.map((row, i) => row.map((_, j) => Object.assign(element("div", "cnnviz-weight", { role: "gridcell" }), { cell: [i, j] })));
      this.editor.replaceChildren(...this.weights.map((row) => element("div", "cnnviz-kernel-row", { role: "row" }, ...row)));
    }
    this.weight = within(this.weight, sides(kernel));
    const most = Math.max(...kernel.flat().map(Math.abs)) || 1, table = this.tables.RdBu;
    for (const one of this.weights.flat()) {
      const [row, column] = one.cell, weight = kernel[row][column], here = String(one.cell) === String(this.weight), index = Math.round(127.5 * (1 + weight / most));
      const text = (here && this.typed.trait === "kernel" && this.typed.text.replace("-", "−")) || format(weight, 2), look = [text, weight, index, here].join();
      if (one.look === look) continue;
      one.look = look;
      one.textContent = text;
      one.title = say("row {row}, column {column}: {value}", { row, column, value: format(weight, 6) });
      one.tabIndex = here ? 0 : -1;
      one.style.cssText = `background: rgb(${table.subarray(3 * index, 3 * index + 3)}); color: ${light(table, index) ? "#000" : "#fff"}`;
    }
  }

  showProducts(taps, columns) {
    const { products } = this, shown = taps.length > PRODUCTS ? [] : taps;
    products.style.gridTemplateColumns = `repeat(${columns}, auto)`;
    while (products.children.length > shown.length) products.lastChild?.remove();
    for (const [at, { weight, value, inside }] of shown.entries()) {
      const [factors, product] = (products.children[at] ?? products.appendChild(element("div", "", {}, element("span"), element("b")))).children;
      factors.parentElement?.classList.toggle("cnnviz-outside", !inside);
      write(factors, `${format(value, 3)} · ${format(weight, 2)}`);
      write(product, format(weight * value, 3));
    }
  }
}

export default {
  render({ model, el, tables }) {
    const view = new View(model, el, tables);
    return () => view.destroy();
  },
};
