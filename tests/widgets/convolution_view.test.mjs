import assert from "node:assert/strict";
import test from "node:test";

import { changed, correlate, matrix, moved, overlap, question, readers, sentence, size, typed, window } from "../../cnnviz_widgets/widgets/convolution_view.js";

const grid = (rows, columns, from = 0) => Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => from + row * columns + column));
const of = (input, kernel, stride = 1, padding = 0, dilation = 1) => ({ input, kernel, stride, padding, dilation });
const small = of(grid(4, 4), grid(3, 3, 1));

test("the matrix of a 4 × 4 input and a 3 × 3 kernel", () => {
  const c = matrix(small), input = small.input.flat();
  assert.deepEqual(c[0], [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]);
  assert.deepEqual(c.map((row) => row.reduce((sum, weight, at) => sum + weight * input[at], 0)), [303, 348, 483, 528]);
  assert.deepEqual(input.map((_, at) => c.reduce((sum, row) => sum + row[at], 0)), [1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9]);
});

test("how often windows overlap", () => {
  assert.deepEqual(overlap(3, 2, 4), [1, 1, 2, 1, 2, 1, 2, 1, 1]);
  assert.deepEqual(overlap(4, 2, 4), [1, 1, 2, 2, 2, 2, 2, 2, 1, 1]);
  assert.deepEqual(overlap(5, 3, 3), [1, 1, 1, 2, 2, 1, 2, 2, 1, 1, 1]);
});

test("Sobel, padded and strided; sizes of known layers", () => {
  const sobel = of(grid(5, 5), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], 2, 1);
  assert.deepEqual(correlate(sobel).map((row) => [...row]), [[8, 6, -14], [44, 8, -52], [58, 6, -64]]);
  assert.deepEqual(size(of(grid(224, 224), grid(11, 11), 4, 2)), [55, 55]);
  assert.deepEqual(size(of(grid(10, 10), grid(3, 3), 1, 0, 3)), [4, 4]);
  assert.deepEqual(size(of(grid(2, 2), grid(3, 3))), [0, 0]);
});

test("a signal has no rows above it, and is not flipped", () => {
  assert.deepEqual([...correlate(of([[1, 2, 3, 4]], [[1, 0, -1]]))[0]], [-2, -2]);
  assert.deepEqual([...correlate(of([[3, 6, 9, 3, 0, 6]], [[1, 1, 1]], 1, "same"))[0]], [9, 18, 18, 12, 9, 6]);
  assert.deepEqual(size(of([[1, 2, 3]], [[1, 1, 1]], 1, 2)), [1, 5]);
});

test("readers are the windows that hold an input", () => {
  const c = of(grid(6, 7), grid(3, 2), 2, 1, 2), [rows, columns] = size(c);
  for (let row = 0; row < 6; row++) {
    for (let column = 0; column < 7; column++) {
      const windows = grid(rows, columns).flat().map((at) => [Math.floor(at / columns), at % columns]);
      const hold = windows.flatMap((place) => window(c, place).filter((tap) => tap.row === row && tap.column === column).map(({ weight }) => ({ place, weight })));
      assert.deepEqual(readers(c, [row, column]), hold);
    }
  }
});

test("sentences", () => {
  assert.equal(sentence(of([[1, 2, 3]], [[0.5, -1]]), [0, 1]), "position 1: 2·0.5 + 3·(−1) = −2");
  assert.match(sentence(of(grid(6, 6), grid(5, 5)), [1, 0]), /^row 1, column 0: 6·0 \+ 7·1 \+ .* \+ … \(25 products\) = 7550$/);
  assert.equal(question(small, [1, 1]), "input, row 1, column 1: 4 outputs read it, with the weights 5 + 4 + 2 + 1 = 12");
  assert.equal(question(of([[1, 2, 3]], [[7]], 2), [0, 1]), "input, position 1: no outputs read it");
});

test("what is typed, and where keys lead", () => {
  assert.deepEqual(["", "-", ".", "-.5", "12", "1.25"].map(typed), [null, null, null, -0.5, 12, 1.25]);
  assert.deepEqual(["ArrowUp", "ArrowRight", "End", "Home", "a"].map((key) => moved([0, 1], key, [2, 4])), [[0, 1], [0, 2], [0, 3], [0, 0], null]);
  const kernel = [[1, 2], [3, 4]];
  assert.deepEqual(changed(kernel, [1, 0], 9), [[1, 2], [9, 4]]);
  assert.deepEqual(kernel, [[1, 2], [3, 4]]);
});
