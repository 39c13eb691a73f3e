import assert from "node:assert/strict";
import test from "node:test";

import { marked } from "../../cnnviz_widgets/widgets/js/markup.js";

test("code, emphasis and strong words are found, all else is plain", () => {
  assert.deepEqual(marked("take `x * y`, not *both*, **ever**"), [
    ["", "take "], ["code", "x * y"], ["", ", not "], ["em", "both"], ["", ", "], ["strong", "ever"],
  ]);
  assert.deepEqual(marked("2 * 3 * 4 <b>"), [["", "2 * 3 * 4 <b>"]]);
  assert.deepEqual(marked(""), []);
});
