import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/tabs.js";

test("keys lead from tab to tab and around the ends", () => {
  assert.equal(js.step(0, "ArrowRight", 3), 1);
  assert.equal(js.step(2, "ArrowRight", 3), 0);
  assert.equal(js.step(0, "ArrowLeft", 3), 2);
  assert.equal(js.step(1, "Home", 3), 0);
  assert.equal(js.step(1, "End", 3), 2);
  assert.equal(js.step(1, "Enter", 3), null); // the button's own
});
