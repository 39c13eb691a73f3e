import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/check_table.js";

const columns = [["a", "A"], ["b", "B"]], rows = [["x", "X"], ["y", "Y"]];

test("a click checks a pair, another takes it away, and they stay column by column", () => {
  const some = js.toggled([["b", "y"]], ["a", "y"], columns, rows, 3);
  assert.deepEqual(some, [["a", "y"], ["b", "y"]]);
  assert.deepEqual(js.toggled(some, ["b", "y"], columns, rows, 3), [["a", "y"]]);
});

test("no more than the most, but fewer always", () => {
  const full = [["a", "x"], ["a", "y"]];
  assert.deepEqual(js.toggled(full, ["b", "x"], columns, rows, 2), full);
  assert.deepEqual(js.toggled(full, ["a", "x"], columns, rows, 2), [["a", "y"]]);
});

test("the last one stays", () => {
  assert.deepEqual(js.toggled([["a", "x"]], ["a", "x"], columns, rows, 2), [["a", "x"]]);
});

test("arrow keys stop at the edges", () => {
  assert.deepEqual(js.step([0, 0], "ArrowRight", 2, 2), [1, 0]);
  assert.deepEqual(js.step([1, 1], "ArrowDown", 2, 2), [1, 1]);
  assert.deepEqual(js.step([1, 1], "Home", 2, 2), [0, 1]);
  assert.equal(js.step([0, 0], "x", 2, 2), null);
});
