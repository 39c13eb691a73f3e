import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/cell_output.js";

const VIEW = "application/vnd.jupyter.widget-view+json";

const output = (model_id, png) => new Map([["data", { [VIEW]: { model_id }, "image/png": png, "text/plain": "a panel\nwhat was in it" }]]);
const cell = (...outputs) => ({ ymodel: new Map([["outputs", outputs]]) });

test("the picture is put into every output of the widget, and into no other", () => {
  const [one, other, again] = [output("a", "old"), output("b", "old"), output("a", "old")];
  const stream = new Map([["text", "hello"]]);
  const markdown = { ymodel: new Map() };
  assert.equal(js.keep([cell(stream, one, other), markdown, cell(again)], "a", "new", "what is in it"), true);
  assert.deepEqual([one, other, again].map((each) => each.get("data")["image/png"]), ["new", "old", "new"]);
  assert.deepEqual([one, other].map((each) => each.get("data")["text/plain"]), ["a panel\nwhat is in it", "a panel\nwhat was in it"]);
  assert.deepEqual([one, other].map((each) => each.get("metadata")), [{ "image/png": { alt: "what is in it" } }, undefined]);
});

test("the same picture changes nothing, so that a notebook which is only looked at needs no saving", () => {
  const one = output("a", "same");
  const data = one.get("data");
  assert.equal(js.keep([cell(one)], "a", "same"), false);
  assert.equal(one.get("data"), data);
});

test("images get the words of the output that they show", () => {
  const image = (src) => ({ src, alt: "", getAttribute: () => src });
  const output = (type, data, metadata) => new Map([["data", { [type]: data }], ["metadata", metadata]]);
  const outputs = [
    output("image/png", "AAAA", { "image/png": { alt: "strongest at the top" } }),
    output("image/jpeg", ["BB", "BB"], { "image/jpeg": { alt: "a cat" } }), // in lines, as a file may have it
    output("image/png", "CCCC", {}),
    new Map([["text", "hello"]]),
  ];
  const images = ["image/png;base64,AAAA", "image/jpeg;base64,BBBB", "image/png;base64,CCCC"].map((one) => image(`data:${one}`));
  js.nameImages([cell(...outputs)], images);
  assert.deepEqual(images.map((one) => one.alt), ["strongest at the top", "a cat", ""]);
});
