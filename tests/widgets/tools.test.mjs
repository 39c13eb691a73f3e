import assert from "node:assert/strict";
import test from "node:test";

import * as js from "../../cnnviz_widgets/widgets/js/scene.js";
import { Film, Latest, Mask, between, dragged, grip, gripCursor, keyed } from "../../cnnviz_widgets/widgets/js/tools.js";

const SIZE = [100, 200]; // height and width
const all = { left: true, right: true, top: true, bottom: true };

test("a rectangle is taken hold of at its sides, its corners and inside", () => {
  const at = (x, y) => grip([50, 20, 40, 30], x, y, 4);
  assert.equal(at(10, 10), null);
  assert.equal(grip(null, 0, 0, 4), null);
  assert.deepEqual(at(70, 35), all);
  assert.deepEqual(at(51, 35), { left: true, right: false, top: false, bottom: false });
  assert.deepEqual(at(92, 52), { left: false, right: true, top: false, bottom: true });
  const cursors = [[70, 35], [51, 35], [70, 19], [50, 20], [90, 20], [0, 0]].map(([x, y]) => gripCursor(at(x, y)));
  assert.deepEqual(cursors, ["move", "ew-resize", "ns-resize", "nwse-resize", "nesw-resize", "crosshair"]);
  const narrow = grip([50, 20, 2, 30], 51.8, 35, 4); // both sides are near: the nearer one
  assert.deepEqual([narrow.left, narrow.right], [false, true]);
});

test("a rectangle moves and is resized within the picture, also beyond its other side", () => {
  assert.deepEqual(dragged([50, 20, 40, 30], all, -500, 500, SIZE), [0, 70, 40, 30]);
  const right = { ...all, left: false, top: false, bottom: false };
  assert.deepEqual(dragged([50, 20, 40, 30], right, 10.4, 99, SIZE), [50, 20, 50, 30]);
  assert.deepEqual(dragged([50, 20, 40, 30], right, 500, 0, SIZE), [50, 20, 150, 30]);
  assert.deepEqual(dragged([50, 20, 40, 30], right, -60, 0, SIZE), [30, 20, 20, 30]);
  assert.deepEqual(dragged([50, 20, 40, 30], right, -40, 0, SIZE), [50, 20, 1, 30]); // never empty
  assert.deepEqual(between(10.2, 20.9, 30.1, 25, SIZE), [10, 20, 21, 5]);
  assert.deepEqual(between(30.1, 25, 10.2, 20.9, SIZE), [11, 21, 19, 4]);
  assert.deepEqual(between(199.5, 99.5, 199.5, 99.5, SIZE), [199, 99, 1, 1]);
});

test("arrow keys move a rectangle, with Shift they resize it, and make one where there is none", () => {
  assert.deepEqual(keyed(null, "ArrowUp", false, SIZE), [50, 25, 100, 50]);
  assert.deepEqual(keyed([0, 0, 10, 10], "ArrowLeft", false, SIZE), [0, 0, 10, 10]);
  assert.deepEqual(keyed([5, 5, 10, 10], "ArrowDown", false, SIZE), [5, 6, 10, 10]);
  assert.deepEqual(keyed([5, 5, 10, 10], "ArrowRight", true, SIZE), [5, 5, 11, 10]);
  assert.deepEqual(keyed([5, 5, 1, 10], "ArrowLeft", true, SIZE), [5, 5, 1, 10]);
  assert.equal(keyed([5, 5, 10, 10], "Enter", false, SIZE), null);
});

test("a brush paints a line with round ends, erases, fills and undoes", () => {
  const mask = new Mask([20, 30]);
  mask.begin();
  mask.line(5, 10, 25, 10, 3, 2);
  const sum = () => mask.data.reduce((a, b) => a + (b > 0), 0);
  const area = 20 * 6 + Math.PI * 9;
  assert.ok(Math.abs(sum() - area) < 0.1 * area);
  assert.deepEqual([mask.data[10 * 30 + 15], mask.data[14 * 30 + 15]], [2, 0]);
  mask.begin();
  mask.fill(0, 0, 1); // all around it
  assert.equal(sum(), 600);
  assert.equal(mask.data[10 * 30 + 15], 2);
  mask.undo();
  assert.ok(sum() < 200);
  mask.begin();
  mask.line(15, 10, 15, 10, 100, 0);
  assert.ok(mask.empty);
  assert.ok(mask.undo() && mask.undo() && !mask.undo());
  assert.ok(mask.empty);
  mask.begin();
  mask.fill(3, 3, 0); // it is that already
  mask.line(-5, -5, 2, 2, 2, 1); // from beyond the edge
  assert.equal(mask.data[0], 1);
  const rgba = mask.colored(["#010203", "#ffffff"]);
  assert.deepEqual([...rgba.slice(0, 4)], [1, 2, 3, 255]);
  assert.equal(rgba[4 * 599 + 3], 0);
});

test("a film runs in time, around its end, at a speed that is changed on the way", () => {
  const film = new Film();
  film.play(0);
  assert.equal(film.playing, false); // one frame is no film
  film.count = 10;
  film.play(1000);
  assert.equal(film.tick(1050, 10), false);
  assert.equal(film.tick(1100, 10), true);
  film.tick(1250, 10);
  assert.equal(film.frame, 2);
  film.faster(4, 1250);
  film.tick(1350, 10);
  assert.equal(film.frame, 6);
  film.tick(1500, 10);
  assert.equal(film.frame, 2); // after frame 9 the first comes
  film.pause();
  assert.equal(film.tick(9000, 10), false);
  film.seek(99, 0);
  assert.equal(film.frame, 9);
  film.play(0);
  assert.equal(film.frame, 0); // from the end it begins anew
});

test("of many messages only the latest is sent, and one at a time", async () => {
  const sent = [], latest = new Latest((value) => sent.push(value), 5, 1000);
  for (const value of [1, 2, 3]) latest.want(value);
  assert.deepEqual(sent, [1]);
  assert.ok(latest.busy);
  await new Promise((later) => setTimeout(later, 20));
  assert.deepEqual(sent, [1]); // not answered
  latest.answered();
  assert.deepEqual(sent, [1, 3]);
  latest.answered();
  assert.ok(!latest.busy);
  latest.end();
  latest.want(4);
  assert.deepEqual(sent, [1, 3]);
});

const photo = { count: 3, size: [100, 200], columns: null, picture: 1, values: null, names: [] };

for (const whole of [false, true]) {
  test(`zoomed (${whole ? "the whole sheet" : "every tile"}): every px of the screen maps to the pixel that is drawn there`, () => {
    const place = js.layout(photo, 448, 2);
    let zoom = { scale: 1, x: 0, y: 0, whole };
    for (const [factor, at] of [[3, [0.3, 0.8]], [2.5, [0.9, 0.1]], [0.5, [0.5, 0.5]]]) {
      zoom = js.zoomed(zoom, factor, at, 32);
      for (let tile = 0; tile < 3; tile++) {
        const [left, top, width, height] = js.frame(tile, place, zoom), [seenLeft, seenTop, seenWidth, seenHeight] = js.pane(tile, place, zoom);
        for (const [x, y] of [[20, 10], [100, 50], [150, 99]]) {
          const [px, py] = [left + ((x + 0.5) * width) / 200, top + ((y + 0.5) * height) / 100];
          if (px < seenLeft || py < seenTop || px >= seenLeft + seenWidth || py >= seenTop + seenHeight) continue; // out of its window
          const found = js.locate(px, py, place, photo, zoom);
          assert.deepEqual([found.tile, found.x, found.y], [tile, x, y]);
        }
      }
    }
  });
}

test("what is under the pointer stays there, and the window stays in the picture", () => {
  const zoom = js.zoomed(js.ALL, 4, [0.25, 0.5], 32);
  assert.ok(Math.abs(zoom.x + 0.25 / zoom.scale - 0.25) < 1e-12);
  assert.deepEqual(js.zoomed(zoom, 0.01, [0, 0], 32), js.ALL);
  assert.equal(js.zoomed(zoom, 100, [0, 0], 32).scale, 32);
  assert.equal(js.panned(zoom, 99, 0).x, 0);
  assert.equal(js.panned(zoom, -99, 0).x, 0.75);
  assert.equal(js.revealed(zoom, [0.99, 0.5]).x, 0.74);
  assert.deepEqual(js.revealed(zoom, [0.2, 0.5]), zoom);
});

test("blocks and cells of a map become pixels", () => {
  const view = (numbers) => new DataView(Float32Array.from(numbers).buffer);
  const map = js.decode({ data: view([1, 2, NaN, 4]), type: "float32", size: [3, 5], rows: [0, 2], columns: [0, 1], low: [0], high: [1] });
  assert.deepEqual([...map.data], [1, 2, 2, 2, 2, 1, 2, 2, 2, 2, NaN, 4, 4, 4, 4]);
  const grown = js.decode({ data: view([0, 1]), type: "float32", size: [1, 4], cells: [1, 2], low: [0], high: [1] });
  assert.deepEqual([...grown.data], [0, 0.25, 0.75, 1]);
});
