import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/cell_output.js";

const VIEW = "application/vnd.jupyter.widget-view+json";

const output = (model_id, png) => new Map([["data", { [VIEW]: { model_id }, "image/png": png, "text/plain": "a panel" }]]);
const cell = (...outputs) => ({ ymodel: new Map([["outputs", outputs]]) });

test("the picture is put into every output of the widget, and into no other", () => {
  const [one, other, again] = [output("a", "old"), output("b", "old"), output("a", "old")];
  const stream = new Map([["text", "hello"]]);
  const markdown = { ymodel: new Map() };
  assert.equal(js.keep([cell(stream, one, other), markdown, cell(again)], "a", "new"), true);
  assert.deepEqual([one, other, again].map((each) => each.get("data")["image/png"]), ["new", "old", "new"]);
  assert.equal(one.get("data")["text/plain"], "a panel");
});

test("the same picture changes nothing, so that a notebook which is only looked at needs no saving", () => {
  const one = output("a", "same");
  const data = one.get("data");
  assert.equal(js.keep([cell(one)], "a", "same"), false);
  assert.equal(one.get("data"), data);
});
