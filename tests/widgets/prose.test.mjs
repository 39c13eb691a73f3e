import assert from "node:assert/strict";
import test from "node:test";

import { gathered } from "../../cnnviz_widgets/widgets/prose.js";

test("entries that follow each other are one list", () => {
  const blocks = [["p", 1], ["li", 2], ["li", 3], ["p", 4], ["li", 5]];
  assert.deepEqual(gathered(blocks), [["p", 1], ["ul", 2, 3], ["p", 4], ["ul", 5]]);
});
