import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/network_strip.js";

const layers = [
  { name: "a", label: "a", kind: "Conv2d", channels: 64, height: 56, width: 56, can: true },
  { name: "b", label: "b", kind: "Flatten", channels: 64, height: 0, width: 0, can: false },
  { name: "c", label: "c", kind: "ReLU", channels: 256, height: 7, width: 7, can: true },
];

test("larger maps are higher, more channels wider", () => {
  const [a, b, c] = layers.map((layer) => js.box(layer, 56));
  assert.ok(a.height === 100 && a.height > c.height && c.height > b.height && b.height >= 20);
  assert.ok(c.grow > a.grow);
});

test("keys walk through the layers that can be chosen", () => {
  assert.equal(js.step(layers, "a", "ArrowRight").name, "c");
  assert.equal(js.step(layers, "c", "ArrowRight").name, "c");
  assert.equal(js.step(layers, "c", "ArrowLeft").name, "a");
  assert.equal(js.step(layers, "a", "End").name, "c");
  assert.equal(js.step(layers, "a", "Enter"), null);
});

test("kinds and words", () => {
  assert.deepEqual(["Conv2d", "ReLU6", "MaxPool2d", "BatchNorm2d", "Linear", "Dropout"].map(js.family), ["conv", "activation", "pool", "norm", "linear", "other"]);
  assert.equal(js.words(layers[0]), "a · Conv2d 64×56×56");
  assert.equal(js.words(layers[1]), "b · Flatten 64");
});
