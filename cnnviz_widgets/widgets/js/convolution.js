// @ts-check
// A convolution as networks have it (a correlation): everything that can be computed of it. All of it is pure.

import { arrow, format } from "./scene.js";
import { say } from "./words.js";

/** A signal is a picture of one row, with a kernel of one row. @typedef {{ input: number[][], kernel: number[][], stride: number, padding: number | "same", dilation: number }} Convolution */
/** Row and column. @typedef {[number, number]} Cell */

const WRITTEN = 9; // products that a sentence has room for

/** Rows and columns. @param {ArrayLike<number>[]} grid @returns {Cell} */
export const sides = (grid) => [grid.length, grid[0]?.length ?? 0];

/** Zeros before and after the rows, and before and after the columns. @param {Convolution} c @returns {[Cell, Cell]} */
export function zeros({ input, kernel, padding, dilation }) {
  const signal = input.length === 1 && kernel.length === 1; // has no rows above it
  return /** @type {[Cell, Cell]} */ (sides(kernel).map((taps, axis) => {
    if (signal && axis === 0) return [0, 0];
    if (padding !== "same") return [padding, padding];
    const all = dilation * (taps - 1), before = Math.floor(all / 2);
    return [before, all - before];
  }));
}

/** Rows and columns of the output; 0 where the kernel does not fit in. @param {Convolution} c @returns {Cell} */
export function size(c) {
  const around = zeros(c), taps = sides(c.kernel);
  return /** @type {Cell} */ (sides(c.input).map((cells, axis) => {
    const left = cells + around[axis][0] + around[axis][1] - c.dilation * (taps[axis] - 1) - 1;
    return left < 0 ? 0 : Math.floor(left / c.stride) + 1;
  }));
}

/** What each weight meets in the window that makes an output cell, row by row of the kernel. @param {Convolution} c @param {Cell} place */
export function window(c, [down, across]) {
  const { input, kernel, stride, dilation } = c, [[top], [left]] = zeros(c);
  return kernel.flatMap((weights, i) => weights.map((weight, j) => {
    const row = down * stride - top + i * dilation, column = across * stride - left + j * dilation;
    const value = input[row]?.[column];
    return { row, column, weight, value: value ?? 0, inside: value !== undefined };
  }));
}

/** The output cells that read a cell of the input, with the weight by which they do: its column of the matrix. @param {Convolution} c @param {Cell} cell */
export function readers(c, [row, column]) {
  const { kernel, stride, dilation } = c, [rows, columns] = size(c), [[top], [left]] = zeros(c);
  const found = kernel.flatMap((weights, i) => weights.map((weight, j) => {
    const down = (row + top - i * dilation) / stride, across = (column + left - j * dilation) / stride;
    return { place: /** @type {Cell} */ ([down, across]), weight };
  }));
  const at = (one, count) => Number.isInteger(one) && one >= 0 && one < count;
  return found.filter(({ place: [down, across] }) => at(down, rows) && at(across, columns)).reverse();
}

/** The input with the zeros around it. @param {Convolution} c */
export function padded(c) {
  const [[above, below], [left, right]] = zeros(c), [tall, wide] = sides(c.input);
  return Array.from({ length: above + tall + below }, (_, at) => {
    const row = new Float64Array(left + wide + right);
    row.set(c.input[at - above] ?? [], left);
    return row;
  });
}

/** The output, row by row. @param {Convolution} c @returns {Float64Array[]} */
export function correlate(c) {
  const { kernel, stride, dilation } = c, [rows, columns] = size(c), input = padded(c);
  return Array.from({ length: rows }, (_, row) => {
    const into = new Float64Array(columns);
    for (const [i, weights] of kernel.entries()) {
      const from = input[row * stride + i * dilation];
      for (const [j, weight] of weights.entries()) for (let column = 0, at = j * dilation; column < columns; column++, at += stride) into[column] += weight * from[at];
    }
    return into;
  });
}

/** The matrix C with C · flat(input) = flat(output). @param {Convolution} c @returns {number[][]} */
export function matrix(c) {
  const [rows, columns] = size(c), [tall, wide] = sides(c.input);
  return Array.from({ length: rows * columns }, (_, at) => {
    const line = new Array(tall * wide).fill(0);
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

/** How many windows reach each cell of the input. @param {Convolution} c */
export function counts(c) {
  const around = zeros(c), taps = sides(c.kernel), outputs = size(c);
  const [down, across] = sides(c.input).map((cells, axis) => {
    const reached = overlap(taps[axis], c.stride, outputs[axis], c.dilation);
    return Array.from({ length: cells }, (_, at) => reached[at + around[axis][0]] ?? 0);
  });
  return down.map((one) => across.map((other) => one * other));
}

/** The cell that comes so many steps after the first. @returns {Cell} */
export const place = (at, columns) => [Math.floor(at / columns), at % columns];

/** A cell moved into a grid. @param {Cell} cell @param {Cell} size */
export const within = (cell, size) => /** @type {Cell} */ (cell.map((one, axis) => Math.max(0, Math.min(size[axis] - 1, one))));

/** Where an arrow key, Home or End leads; null for other keys. @param {Cell} cell @param {string} key @param {Cell} size */
export function moved([row, column], key, size) {
  const [dx, dy] = { Home: [-column, 0], End: [size[1], 0] }[key] ?? arrow(key) ?? [];
  return dx === undefined ? null : within([row + dy, column + dx], size);
}

const where = (/** @type {Cell} */ [row, column], rows) => (rows === 1 ? say("position {column}", { column }) : say("row {row}, column {column}", { row, column }));
const signed = (value) => (value < 0 ? `(${format(value)})` : format(value));
const sum = (/** @type {number[]} */ values) => values.reduce((all, one) => all + one, 0);

/** An output cell as the sum that it is. @param {Convolution} c @param {Cell} at */
export function sentence(c, at) {
  const taps = window(c, at), total = sum(taps.map(({ weight, value }) => weight * value));
  const written = taps.slice(0, WRITTEN).map(({ weight, value }) => `${signed(value)}·${signed(weight)}`).join(" + ");
  return `${where(at, size(c)[0])}: ${written}${taps.length > WRITTEN ? ` + … (${say("{n} products", { n: taps.length })})` : ""} = ${format(total)}`;
}

/** Where the window of an output lies. @param {Convolution} c @param {Cell} at */
export function reach(c, at) {
  const taps = window(c, at), [first, last] = [taps[0], taps[taps.length - 1]];
  const values = { where: where(at, size(c)[0]), top: first.row, bottom: last.row, left: first.column, right: last.column };
  return c.input.length === 1
    ? say("the window of {where} reaches positions {left} … {right}", values)
    : say("the window of {where} reaches rows {top} … {bottom}, columns {left} … {right}", values);
}

/** Which outputs read an input cell. @param {Convolution} c @param {Cell} cell */
export function question(c, cell) {
  const weights = readers(c, cell).map(({ weight }) => weight), many = weights.length;
  const terms = many > 1 && many <= WRITTEN ? `${weights.map(signed).join(" + ")} = ` : "";
  const values = { where: where(cell, c.input.length), n: many, weights: `${terms}${format(sum(weights))}` };
  if (!many) return say("input, {where}: no outputs read it", values);
  return say(
    "input, {where}: {n} output reads it, with the weights {weights}", values, "input, {where}: {n} outputs read it, with the weights {weights}",
  );
}

/** The number that is typed so far: null while it is none, as "−" or "." @param {string} text */
export const typed = (text) => (/\d/.test(text) ? Number(text) : null);

/** Rows of numbers with another one in a cell. @param {number[][]} rows @param {Cell} cell @param {number} value */
export const changed = (rows, [row, column], value) =>
  rows.map((line, i) => (i === row ? line.map((one, j) => (j === column ? value : one)) : line));

/**
 * What a key makes of a cell in which ``text`` is typed so far, as text and rows; null: nothing. A digit types on, Delete
 * puts 0, Page Up and Page Down take a step: 1 where all numbers are whole, else a tenth; ``finer``, a tenth of that.
 * @param {number[][]} rows @param {Cell} cell @param {string} key
 */
export function entered(rows, cell, key, text = "", finer = false) {
  if (/^[\d.]$/.test(key) || (key === "-" && !text)) {
    const number = typed(text + key);
    return { text: text + key, rows: number === null || Number.isNaN(number) ? rows : changed(rows, cell, number) };
  }
  const steps = { PageUp: 1, PageDown: -1, Delete: 0, Backspace: 0 }[key];
  if (steps === undefined) return null;
  const step = (rows.flat().every(Number.isInteger) ? 1 : 0.1) * (finer ? 0.1 : 1);
  const value = steps && Number((rows[cell[0]][cell[1]] + steps * step).toPrecision(6));
  return { text: "", rows: changed(rows, cell, value) };
}
