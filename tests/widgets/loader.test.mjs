import assert from "node:assert/strict";
import test from "node:test";

import loader from "../../cnnviz_widgets/widgets/js/loader.js";

test("a model does not wait for the files, which may take long", () => {
  const never = new Promise(() => {});
  const model = { get: () => "IPY_MODEL_files", widget_manager: { get_model: () => never } };
  const end = loader.initialize({ model });
  assert.equal(typeof end, "function");
  end();
});

test("what has been loaded is drawn at once, so that no view is painted empty", async () => {
  const files = { "widgets/one.js": "export default { render: ({ el, tables }) => { el.text = `drawn with ${Object.keys(tables)}`; } };" };
  URL.createObjectURL = () => `data:text/javascript,${encodeURIComponent(files["widgets/one.js"])}`; // node imports no blobs
  const packed = new Response(new Blob([JSON.stringify({ files, tables: { gray: "AAAA" } })]).stream().pipeThrough(new CompressionStream("gzip")));
  const front = { get: () => new Uint8Array(bytes) };
  const bytes = await packed.arrayBuffer();
  const model = { get: (name) => ({ _front_end: "IPY_MODEL_files", _module: "widgets/one.js" })[name], widget_manager: { get_model: async () => front } };
  const [first, second] = [{}, {}];
  await loader.render({ model, el: first });
  assert.equal(first.text, "drawn with gray");
  void loader.render({ model, el: second });
  assert.equal(second.text, "drawn with gray");
});
