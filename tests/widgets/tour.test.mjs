import assert from "node:assert/strict";
import test from "node:test";

import { Tour, apart, dragged, orthonormal, project, randomFrame, star, way } from "../../cnnviz_widgets/widgets/js/tour.js";

/** A seeded generator of numbers 0…1 (mulberry32). */
function seeded(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The first two axes. */
const plain = (dimensions) => [Float64Array.from({ length: dimensions }, (_, at) => +(at === 0)), Float64Array.from({ length: dimensions }, (_, at) => +(at === 1))];
const dot = (one, other) => one.reduce((sum, value, at) => sum + value * other[at], 0);
const wrong = ([a, b]) => Math.max(Math.abs(dot(a, a) - 1), Math.abs(dot(a, b)), Math.abs(dot(b, b) - 1));
/** How far columns are from a plane. */
const outside = (columns, plane) => Math.max(...columns.map((one) => 1 - Math.hypot(dot(one, plane[0]), dot(one, plane[1]))));

test("10,000 frames stay orthonormal, in any number of dimensions", () => {
  for (const dimensions of [2, 3, 10, 64]) {
    const tour = new Tour(dimensions === 2 ? plain(2) : star(dimensions), seeded(dimensions));
    let worst = 0;
    for (let at = 0; at < 10_000; at++) {
      tour.advance(0.03);
      worst = Math.max(worst, wrong(tour.frame));
    }
    assert.ok(worst < 1e-12, `${dimensions}: ${worst}`);
  }
});

test("a way begins at one plane, ends in the other, and goes at a constant speed along the shortest path", () => {
  const random = seeded(1);
  for (const dimensions of [3, 4, 7, 30]) {
    const [from, to] = [randomFrame(dimensions, random), randomFrame(dimensions, random)], path = way(from, to);
    for (const at of [0, 1]) path.at(0)[at].forEach((value, axis) => assert.ok(Math.abs(value - from[at][axis]) < 1e-12));
    assert.ok(outside(path.at(1), to) < 1e-12);
    // Principal angles, found otherwise: the greatest is the most that a direction of one plane is away from the other.
    let greatest = 0;
    for (let turn = 0; turn < 50_000; turn++) {
      const angle = (Math.PI * turn) / 50_000, one = from[0].map((value, at) => Math.cos(angle) * value + Math.sin(angle) * from[1][at]);
      greatest = Math.max(greatest, Math.acos(Math.min(1, Math.hypot(dot(one, to[0]), dot(one, to[1])))));
    }
    assert.ok(Math.abs(path.angle - greatest) < 1e-5, `${path.angle} ${greatest}`);
    const steps = Array.from({ length: 9 }, (_, at) => [path.at(at / 9), path.at((at + 1) / 9)]).map(([one, next]) => Math.hypot(...one.flatMap((column, at) => [...column.map((value, axis) => value - next[at][axis])])));
    assert.ok(Math.max(...steps) - Math.min(...steps) < 1e-10);
  }
});

test("a way between a plane and itself, also turned or mirrored, stays in it", () => {
  const [a, b] = randomFrame(5, seeded(3));
  for (const same of [[a, b], [b, a], [a.map((one) => -one), b], [a.map((one, at) => (one + b[at]) / Math.SQRT2), a.map((one, at) => (b[at] - one) / Math.SQRT2)]]) {
    for (const share of [0, 0.3, 1]) {
      const frame = way([a, b], same).at(share);
      assert.ok(wrong(frame) < 1e-12);
      assert.ok(outside(frame, [a, b]) < 1e-12);
    }
  }
});

test("a dragged axis ends where it was put, and the frame is one", () => {
  const random = seeded(2);
  for (const dimensions of [3, 5, 40]) {
    const frame = randomFrame(dimensions, random);
    for (const place of [[0.3, -0.4], [0, 0], [0.99, 0], [2, 2], [-0.6, 0.7]]) {
      const made = dragged(frame, 1, place), size = Math.max(1, Math.hypot(...place));
      assert.ok(wrong(made) < 1e-9, `${dimensions} ${place}: ${wrong(made)}`);
      assert.ok(Math.abs(made[0][1] - place[0] / size) < 2e-6 && Math.abs(made[1][1] - place[1] / size) < 2e-6);
    }
    const still = dragged(frame, 1, [frame[0][1], frame[1][1]]);
    still.forEach((column, at) => column.forEach((value, axis) => assert.ok(Math.abs(value - frame[at][axis]) < 1e-6)));
  }
  assert.ok(wrong(dragged(plain(4), 0, [0.2, 0.5])) < 1e-9); // an axis that is all of a column
});

test("in a star all axes are as long, and it is a frame", () => {
  for (const dimensions of [3, 8, 64]) {
    const frame = star(dimensions);
    assert.ok(wrong(frame) < 1e-12);
    frame[0].forEach((x, axis) => assert.ok(Math.abs(Math.hypot(x, frame[1][axis]) - Math.sqrt(2 / dimensions)) < 1e-12));
  }
});

test("the nearest orthonormal columns, and what is seen in them", () => {
  const skew = [Float64Array.of(3, 0, 0), Float64Array.of(1, 2, 0)], found = orthonormal(skew);
  assert.ok(wrong(found) < 1e-12);
  const away = ([a, b]) => Math.hypot(...a.map((one, at) => one - skew[0][at]), ...b.map((one, at) => one - skew[1][at]));
  for (let angle = -1; angle < 1; angle += 0.01) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    assert.ok(away(found) <= away([Float64Array.of(c, s, 0), Float64Array.of(-s, c, 0)]) + 1e-12);
  }
  assert.deepEqual([...project(Float32Array.of(1, 2, 3, 4, 5, 6), plain(3))], [1, 2, 4, 5]);
});

test("names that would lie on each other are moved apart, and no others", () => {
  const stacked = (heights) => apart(heights, heights.map(() => [0, 50]), 15, 100);
  assert.deepEqual(stacked([10, 40, 90]), [10, 40, 90]);
  assert.deepEqual(stacked([40, 10, 12, 11]), [55, 10, 40, 25]);
  assert.deepEqual(stacked([95, 98, 20]), [85, 100, 20]);
  assert.deepEqual(apart([10, 12, 14], [[0, 50], [60, 90], [40, 55]], 15, 100), [10, 12, 25]); // the second stands beside them
  const random = seeded(1), heights = Array.from({ length: 12 }, () => 300 * random());
  const spans = heights.map(() => 200 * random()).map((left) => [left, left + 60]), moved = apart(heights, spans, 15, 300);
  for (const one of heights.keys()) {
    for (const other of heights.keys()) {
      if (heights[one] >= heights[other] || spans[one][1] <= spans[other][0] || spans[other][1] <= spans[one][0]) continue;
      assert.ok(moved[other] - moved[one] >= 15 - 1e-9);
    }
  }
  assert.ok(Math.max(...moved) <= 300);
});
