import assert from "node:assert/strict";
import test from "node:test";

import { ALL, zoomed } from "../../cnnviz_widgets/widgets/js/scene.js";
import { inside, nearest, pictureSide, square, toward } from "../../cnnviz_widgets/widgets/scatter.js";

const cross = Float32Array.of(0.5, 0.5, 0.9, 0.5, 0.1, 0.45, 0.5, 0.1, 0.55, 0.95);

test("the square lies in the middle, and what is under the pointer stays there", () => {
  assert.deepEqual(square(400, 300, 20, ALL), { side: 260, x: 70, y: 20 });
  const closer = square(400, 300, 20, zoomed(ALL, 2, [100 / 400, 200 / 300], 64));
  const share = ({ side, x, y }) => [(100 - x) / side, (200 - y) / side];
  share(square(400, 300, 20, ALL)).forEach((one, at) => assert.ok(Math.abs(one - share(closer)[at]) < 1e-12));
  assert.equal(closer.side, 520);
});

test("pictures have room, or points are drawn", () => {
  assert.equal(pictureSide(9, 500), 64);
  assert.equal(pictureSide(400, 500), 22.5);
  assert.equal(pictureSide(5000, 500), 0);
  assert.ok(pictureSide(5000, 2000) > 12);
});

test("the nearest point is that of all, and within reach", () => {
  const points = Float32Array.from({ length: 2000 }, (_, at) => (Math.sin(at * 12.9898) * 43758.5453) % 1).map(Math.abs), at = { side: 300, x: 20, y: -40 };
  for (let turn = 0; turn < 50; turn++) {
    const [left, top] = [20 + ((turn * 37) % 300), -40 + ((turn * 71) % 300)];
    const away = Array.from({ length: 1000 }, (_, row) => Math.hypot(points[2 * row] * 300 + 20 - left, points[2 * row + 1] * 300 - 40 - top));
    const least = Math.min(...away), found = nearest(points, at, left, top, 8);
    if (least > 8) assert.equal(found, -1);
    else assert.ok(Math.abs(away[found] - least) < 1e-9);
  }
});

test("what is inside a line, also of one that winds and crosses itself", () => {
  const at = { side: 100, x: 10, y: 10 }, screen = (...places) => places.map(([x, y]) => [10 + 100 * x, 10 + 100 * y]);
  assert.deepEqual(inside(cross, at, screen([0.4, 0], [1, 0], [1, 0.6], [0.4, 0.6])), [0, 1, 3]);
  assert.deepEqual(inside(cross, at, screen([0, 0], [1, 0], [1, 1], [0.8, 1], [0.8, 0.2], [0.2, 0.2], [0.2, 1], [0, 1])), [1, 2, 3]);
  assert.deepEqual(inside(cross, at, screen([0, 0.1], [1, 1], [1, 0], [0, 0.9])), [0, 1, 2]); // an hourglass on its side
  assert.deepEqual(inside(cross, at, []), []);
});

test("the arrow keys go to the next point there", () => {
  assert.equal(toward(cross, 0, [1, 0]), 1);
  assert.equal(toward(cross, 0, [-1, 0]), 2);
  assert.equal(toward(cross, 0, [0, -1]), 3);
  assert.equal(toward(cross, 0, [0, 1]), 4);
  assert.equal(toward(cross, 1, [1, 0]), 1);
});
