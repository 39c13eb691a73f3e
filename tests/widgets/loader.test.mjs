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
