// Reads cases (input, kernel, stride, padding, dilation) and prints what the browser computes of them.

import { readFileSync } from "node:fs";

import { correlate, matrix, overlap, size } from "../../cnnviz_widgets/widgets/convolution_view.js";

const { cases, overlaps } = JSON.parse(readFileSync(0, "utf8"));
const flat = (rows) => rows.flatMap((row) => [...row]);
console.log(JSON.stringify({
  outputs: cases.map((one) => correlate(one).map((row) => [...row])),
  sizes: cases.map(size),
  products: cases.map((one) => {
    const input = flat(one.input);
    return matrix(one).map((row) => row.reduce((sum, weight, at) => sum + weight * input[at], 0));
  }),
  columns: cases.map((one) => matrix(one).reduce((sums, row) => sums.map((sum, at) => sum + row[at]), flat(one.input).map(() => 0))),
  overlaps: overlaps.map((one) => overlap(...one)),
}));
