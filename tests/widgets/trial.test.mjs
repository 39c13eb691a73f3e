import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/trial.js";

test("a picture stands for the number of frames that comes nearest to what is asked", () => {
  const frames = (asked, length) => {
    let count = 1;
    while (js.stands(count * length, asked, length)) count++;
    return count;
  };
  for (const hertz of [30, 60, 75, 120, 144]) {
    for (const asked of [20, 50, 70, 100, 200]) {
      const length = 1000 / hertz, stood = frames(asked, length) * length;
      assert.ok(Math.abs(stood - asked) <= length / 2 + 1e-9 || stood === length, `${stood} for ${asked} ms at ${hertz} Hz`);
    }
  }
});

test("the next picture waits for the cross, and for a second since the last one", () => {
  assert.equal(js.rested(700, 1000), true);
  assert.equal(js.rested(699, 5000), false);
  assert.equal(js.rested(5000, 999), false);
  assert.equal(js.rested(700, Infinity), true);
});

test("a lost frame does not move the length of a frame", () => {
  assert.equal(js.median([16.7, 50, 16.7, 16.6, 16.7]), 16.7);
});

test("keys 1 to 9 answer, and arrows where there are two answers", () => {
  assert.deepEqual(["1", "2", "3", "0", "x", "ArrowLeft", "ArrowRight", "ArrowUp"].map((key) => js.chosen(key, 2)), [0, 1, -1, -1, -1, 0, 1, -1]);
  assert.deepEqual(["1", "5", "6", "ArrowLeft", "F1", "12"].map((key) => js.chosen(key, 5)), [0, 4, -1, -1, -1, -1]);
});

test("a picture stands in the middle of its box, as large as it can", () => {
  assert.deepEqual(js.fitted(50, 50, 200, 100), [50, 0, 100, 100]);
  assert.deepEqual(js.fitted(400, 100, 200, 100), [0, 25, 200, 50]);
});
