import assert from "node:assert/strict";
import test from "node:test";

import { filled, weighted, written } from "../../cnnviz_widgets/widgets/faders.js";

test("a bar is full where nothing is reached, and never longer", () => {
  const shares = [undefined, 0, 1e-4, 0.001, 0.01, 0.1, 1, 7].map(filled).map((share) => Math.round(300 * share));
  assert.deepEqual(shares, [0, 0, 0, 0, 100, 200, 300, 300]);
});

test("losses are written short", () => {
  const losses = [undefined, 0, 4.2e-12, 0.00042, 0.0123, 0.5, 12.345];
  assert.deepEqual(losses.map(written), ["", "0", "4×10⁻¹²", "4×10⁻⁴", "0.012", "0.50", "12.3"]);
});

test("weights of 1 are left out", () => {
  assert.deepEqual(weighted({ a: 0.5 }, "b", 0), { a: 0.5, b: 0 });
  assert.deepEqual(weighted({ a: 0.5, b: 0 }, "a", 1), { b: 0 });
});
