// @ts-check
// A convolution as networks have it (a correlation): everything that can be computed of it. All of it is pure.

import { format } from "./scene.js";

/** A signal is a picture of one row, with a kernel of one row. @typedef {{ input: number[][], kernel: number[][], stride: number, padding: number | "same", dilation: number }} Convolution */
/** Row and column. @typedef {[number, number]} Cell */
/** What one weight of the kernel meets. @typedef {{ row: number, column: number, weight: number, value: number, inside: boolean }} Tap */

const WRITTEN = 9; // products that a sentence has room for

/** Zeros before and after the rows, and before and after the columns. @param {Convolution} c @returns {[Cell, Cell]} */
export function zeros({ input, kernel, padding, dilation }) {
  const along = (/** @type {number} */ taps) => {
    if (padding !== "same") return [padding, padding];
    const all = dilation * (taps - 1), before = Math.floor(all / 2);
    return [before, all - before];
  };
  const signal = input.length === 1 && kernel.length === 1; // has no rows above it
  return /** @type {[Cell, Cell]} */ ([signal ? [0, 0] : along(kernel.length), along(kernel[0].length)]);
}

/** Rows and columns of the output; 0 where the kernel does not fit in. @param {Convolution} c @returns {Cell} */
export function size(c) {
  const { input, kernel, stride, dilation } = c, padded = zeros(c);
  const sides = [[input.length, kernel.length], [input[0].length, kernel[0].length]];
  return /** @type {Cell} */ (sides.map(([cells, taps], axis) => {
    const [before, after] = padded[axis], left = cells + before + after - dilation * (taps - 1) - 1;
    return left < 0 ? 0 : Math.floor(left / stride) + 1;
  }));
}

/** The taps of the window that makes an output cell, row by row of the kernel. @param {Convolution} c @param {Cell} place @returns {Tap[]} */
export function window({ input, kernel, stride, padding, dilation }, [down, across]) {
  const [[top], [left]] = zeros({ input, kernel, stride, padding, dilation });
  return kernel.flatMap((weights, i) => weights.map((weight, j) => {
    const row = down * stride - top + i * dilation, column = across * stride - left + j * dilation;
    const value = input[row]?.[column];
    return { row, column, weight, value: value ?? 0, inside: value !== undefined };
  }));
}

/** The output cells that read a cell of the input, with the weight by which they do: its column of the matrix. @param {Convolution} c @param {Cell} cell @returns {{ place: Cell, weight: number }[]} */
export function readers(c, [row, column]) {
  const { kernel, stride, dilation } = c, [rows, columns] = size(c), [[top], [left]] = zeros(c);
  const found = kernel.flatMap((weights, i) => weights.map((weight, j) => {
    const down = (row + top - i * dilation) / stride, across = (column + left - j * dilation) / stride;
    return { place: /** @type {Cell} */ ([down, across]), weight };
  }));
  const at = (/** @type {number} */ one, /** @type {number} */ count) => Number.isInteger(one) && one >= 0 && one < count;
  return found.filter(({ place: [down, across] }) => at(down, rows) && at(across, columns)).reverse();
}

/** The output, row by row. @param {Convolution} c @returns {Float64Array[]} */
export function correlate(c) {
  const { input, kernel, stride, dilation } = c, [rows, columns] = size(c), [[top], [left]] = zeros(c);
  const output = Array.from({ length: rows }, () => new Float64Array(columns)), wide = input[0].length;
  for (const [i, weights] of kernel.entries()) {
    for (const [j, weight] of weights.entries()) {
      const across = j * dilation - left;
      const first = Math.max(0, Math.ceil(-across / stride)), end = Math.min(columns, Math.floor((wide - 1 - across) / stride) + 1);
      for (let row = 0; row < rows; row++) {
        const from = input[row * stride + i * dilation - top], into = output[row];
        if (from) for (let column = first; column < end; column++) into[column] += weight * from[column * stride + across];
      }
    }
  }
  return output;
}

/** The matrix C with C · flat(input) = flat(output). @param {Convolution} c @returns {number[][]} */
export function matrix(c) {
  const [rows, columns] = size(c), wide = c.input[0].length;
  return Array.from({ length: rows * columns }, (_, at) => {
    const line = new Array(c.input.length * wide).fill(0);
    for (const { row, column, weight, inside } of window(c, place(at, columns))) if (inside) line[row * wide + column] += weight;
    return line;
  });
}

/** How many of ``count`` outputs, ``stride`` apart, reach each cell when every one of them puts ``taps`` weights down. */
export function overlap(taps, stride, count, dilation = 1) {
  const reached = new Array((count - 1) * stride + (taps - 1) * dilation + 1).fill(0);
  for (let output = 0; output < count; output++) for (let tap = 0; tap < taps; tap++) reached[output * stride + tap * dilation]++;
  return reached;
}

/** The cell that comes so many steps after the first. @returns {Cell} */
export const place = (at, columns) => [Math.floor(at / columns), at % columns];

/** A cell moved into a grid. @param {Cell} cell @param {Cell} size @returns {Cell} */
export const within = (cell, size) => /** @type {Cell} */ (cell.map((one, axis) => Math.max(0, Math.min(size[axis] - 1, one))));

/** Where an arrow key, Home or End leads; null for other keys. @param {Cell} cell @param {Cell} size @returns {Cell | null} */
export function moved([row, column], key, size) {
  /** @type {Record<string, Cell>} */
  const to = {
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
    Home: [row, 0], End: [row, size[1] - 1],
  };
  return Object.hasOwn(to, key) ? within(to[key], size) : null;
}

const where = (/** @type {Cell} */ [row, column], /** @type {number} */ rows) => (rows === 1 ? `position ${column}` : `row ${row}, column ${column}`);
const signed = (/** @type {number} */ value) => (value < 0 ? `(${format(value)})` : format(value));

/** An output cell as the sum that it is. @param {Convolution} c @param {Cell} at */
export function sentence(c, at) {
  const taps = window(c, at), total = taps.reduce((sum, { weight, value }) => sum + weight * value, 0);
  const written = taps.slice(0, WRITTEN).map(({ weight, value }) => `${signed(value)}·${signed(weight)}`).join(" + ");
  return `${where(at, size(c)[0])}: ${written}${taps.length > WRITTEN ? ` + … (${taps.length} products)` : ""} = ${format(total)}`;
}

/** Where the window of an output lies. @param {Convolution} c @param {Cell} at */
export function reach(c, at) {
  const taps = window(c, at), [first, last] = [taps[0], taps[taps.length - 1]];
  const rows = c.input.length === 1 ? "" : `rows ${first.row} … ${last.row}, `;
  return `the window of ${where(at, size(c)[0])} reaches ${rows}${rows ? "columns" : "positions"} ${first.column} … ${last.column}`;
}

/** Which outputs read an input cell. @param {Convolution} c @param {Cell} cell */
export function question(c, cell) {
  const found = readers(c, cell), total = found.reduce((sum, { weight }) => sum + weight, 0);
  const count = found.length === 1 ? "1 output reads it" : `${found.length || "no"} outputs read it`;
  const sum = found.length > 1 && found.length <= WRITTEN ? `${found.map(({ weight }) => signed(weight)).join(" + ")} = ` : "";
  return `input, ${where(cell, c.input.length)}: ${count}${found.length ? `, with the weights ${sum}${format(total)}` : ""}`;
}

/** The number that is typed so far: null while it is none, as "−" or "." @param {string} text */
export function typed(text) {
  return /\d/.test(text) ? Number(text) : null;
}

/** A kernel with another weight. @param {number[][]} kernel @param {Cell} cell @param {number} weight */
export const changed = (kernel, [row, column], weight) =>
  kernel.map((weights, i) => (i === row ? weights.map((one, j) => (j === column ? weight : one)) : weights));
