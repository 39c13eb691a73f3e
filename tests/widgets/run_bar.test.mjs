import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/run_bar.js";

test("short work does not flicker: it keeps the words from before", () => {
  assert.equal(js.status("running", "", false, "Done"), "Done");
  assert.equal(js.status("running", "", true, "Done"), "Working …");
  assert.equal(js.status("running", "Position 3 of 9", true, "Done"), "Position 3 of 9");
  assert.equal(js.status("failed", "", false, ""), "Failed");
});

test("times in words", () => {
  assert.equal(js.timing(0.456, null), "45%");
  assert.equal(js.timing(0.5, 11.2), "50% · about 12 s left");
  assert.deepEqual([0.01, 99, 100, 3600, 6300].map(js.duration), ["1 s", "99 s", "2 min", "60 min", "1 h 45 min"]);
});
