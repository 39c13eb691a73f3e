import assert from "node:assert/strict";
import test from "node:test";

import { Flow, SENTENCES, refusal, scaled } from "../../cnnviz_widgets/widgets/camera.js";

test("every refusal of the browser has a sentence", () => {
  const states = ["NotAllowedError", "SecurityError", "NotFoundError", "OverconstrainedError", "NotReadableError", "AbortError"].map(refusal);
  assert.deepEqual(states, ["refused", "refused", "missing", "missing", "busy", "failed"]);
  for (const state of states) assert.match(SENTENCES[state], /\.$/);
});

test("frames are scaled down only, in proportion", () => {
  assert.deepEqual(scaled(640, 480, 256), [256, 192]);
  assert.deepEqual(scaled(480, 640, 256), [192, 256]);
  assert.deepEqual(scaled(100, 50, 256), [100, 50]);
});

test("one frame is under way until it is answered, or lost", () => {
  const flow = new Flow();
  assert.ok(flow.ready(0));
  flow.begin(0);
  assert.ok(!flow.ready(100));
  flow.answered(100);
  assert.ok(flow.ready(100));
  flow.begin(100);
  assert.ok(!flow.ready(4000));
  assert.ok(flow.ready(4101));
});

test("frames a second are those of the last two seconds", () => {
  const flow = new Flow();
  assert.equal(flow.rate(0), 0);
  for (let now = 0; now <= 5000; now += 100) flow.answered(now);
  assert.equal(Math.round(flow.rate(5000)), 10);
  assert.equal(flow.rate(8000), 0);
});
