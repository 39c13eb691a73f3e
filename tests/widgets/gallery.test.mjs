import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/gallery.js";

const card = { title: "Occlusion", line: "how much a class loses", group: "Covered", note: "ch. 06", words: "Zeiler & Fergus 2014" };

test("a card is found by all of the words, wherever they stand", () => {
  assert.ok(js.matches(card, ""));
  assert.ok(js.matches(card, "occ"));
  assert.ok(js.matches(card, "fergus CLASS"));
  assert.ok(!js.matches(card, "fergus gradient"));
});

test("keys lead from card to card, and to the nearest one of another row", () => {
  const boxes = [0, 100, 200].map((left) => ({ left, top: 0 })).concat([0, 120].map((left) => ({ left, top: 90 })));
  assert.equal(js.step(0, "ArrowRight", boxes), 1);
  assert.equal(js.step(4, "ArrowRight", boxes), 4);
  assert.equal(js.step(0, "ArrowLeft", boxes), 0);
  assert.equal(js.step(2, "ArrowDown", boxes), 4);
  assert.equal(js.step(4, "ArrowUp", boxes), 1);
  assert.equal(js.step(4, "ArrowDown", boxes), 4);
  assert.equal(js.step(2, "Home", boxes), 0);
  assert.equal(js.step(0, "End", boxes), 4);
  assert.equal(js.step(1, "Enter", boxes), null); // the button's own
});
