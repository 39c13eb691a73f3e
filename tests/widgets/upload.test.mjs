import assert from "node:assert/strict";
import test from "node:test";

import { fitted, encoded, prepared, LONGEST, MOST_SENT, SENT_AS_IT_IS } from "../../cnnviz_widgets/widgets/upload.js";

const file = (size, name = "photo.jpg") => ({ name, size, arrayBuffer: async () => `all ${size}` });
const decode = (width, height) => async () => ({ width, height });
// A JPEG of so many bytes a pixel at full quality.
const encode = (bytes) => async (_, width, height, quality) => ({ size: width * height * bytes * quality, arrayBuffer: async () => [width, height, quality] });

test("a small file goes as it is, and is not even decoded", async () => {
  const found = await prepared(file(SENT_AS_IT_IS), () => assert.fail("decoded"));
  assert.deepEqual(found, { content: `all ${SENT_AS_IT_IS}` });
});

test("no side is longer than the longest, and the proportions stay", () => {
  assert.deepEqual(fitted(100, 50), [100, 50]);
  assert.deepEqual(fitted(2 * LONGEST, LONGEST), [LONGEST, LONGEST / 2]);
  assert.deepEqual(fitted(1, 100 * LONGEST), [1, LONGEST]);
});

test("a large file keeps its pixels while a lower quality is enough", async () => {
  const found = await prepared(file(13e6), decode(4000, 3000), encode(0.8));
  assert.deepEqual(found.content, [4000, 3000, 0.8]);
  assert.equal(found.scaled, null);
  assert.match(found.note, /^compressed to 7\.7 MB in the browser$/);
});

test("what is too large in any quality is scaled until it fits", async () => {
  const { blob, width, height } = await encoded({ width: 4000, height: 4000 }, encode(3));
  assert.ok(blob.size <= MOST_SENT);
  assert.equal(width, height);
  assert.ok(width < 4000);
  const found = await prepared(file(90e6), decode(8000, 4000), encode(0.1));
  assert.deepEqual(found.scaled, [2048, 4096]);
  assert.match(found.note, /^scaled to 4096 × 2048 px in the browser$/);
});

test("what the browser cannot decode goes as it is, or is refused in a sentence", async () => {
  const refuse = async () => { throw new Error("no"); };
  assert.deepEqual(await prepared(file(MOST_SENT, "a.tif"), refuse), { content: `all ${MOST_SENT}` });
  const { error, content } = await prepared(file(MOST_SENT + 1, "a.tif"), refuse);
  assert.equal(content, undefined);
  assert.match(error, /^a\.tif has 8\.0 MB and cannot be scaled by this browser: at most 8\.0 MB can be sent/);
});
