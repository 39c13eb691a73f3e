import assert from "node:assert/strict";
import test from "node:test";

import { colorize } from "../../cnnviz_widgets/widgets/js/paint.js";
import * as js from "../../cnnviz_widgets/widgets/js/scene.js";

const photo = { count: 1, size: [224, 224], columns: null, picture: {}, values: null, names: [] };
const grid = { count: 10, size: [13, 13], columns: 4, picture: null, values: { size: [13, 13] }, names: [] };
const float32 = (numbers, size, low, high) =>
  js.decode({ data: new DataView(new Float32Array(numbers).buffer), type: "float32", size, low, high });

test("a photo fills the box, a map grows by whole factors", () => {
  assert.deepEqual(js.layout(photo, 448, 2), { columns: 1, rows: 1, width: 448, height: 448, gap: 2, head: 0 });
  assert.equal(js.layout({ ...photo, size: [100, 200] }, 448, 2).height, 224);
  assert.equal(js.layout({ ...photo, size: [200, 100] }, 448, 2).width, 224); // a tall one stays in the box
  const map = { ...grid, count: 1, columns: null, size: [100, 100] };
  assert.equal(js.layout(map, 448, 2).width, 400);
});

test("grids: every tile in the box, none smaller than need be, no row for one tile that fits elsewhere", () => {
  for (const count of [2, 3, 10, 64, 65, 512, 2048]) {
    for (const box of [300, 448, 896]) {
      const place = js.layout({ ...grid, count, columns: null, size: [7, 7] }, box, 2);
      assert.ok(place.columns * (place.width + 2) - 2 <= box + place.columns, `${count} in ${box}: too wide`);
      assert.ok(place.rows * (place.height + 2) - 2 <= box + place.rows, `${count} in ${box}: too tall`);
      assert.equal(place.rows, Math.ceil(count / place.columns));
      assert.equal(place.columns, Math.ceil(count / place.rows));
    }
  }
  assert.equal(js.layout({ ...grid, count: 64, columns: null, size: [7, 7] }, 270, 2).columns, 8);
  assert.equal(js.layout(grid, 448, 2).columns, 4);
  for (let box = 200; box < 1000; box++) for (let columns = 1; columns < 8; columns++) {
    const many = { ...photo, size: [64, 64], count: columns, columns };
    assert.ok(js.sheetSize(js.layout(many, box, 4))[0] <= box);
  }
});

test("a grid fits into a flat box, and leaves room for names", () => {
  for (const count of [1, 3, 4, 6, 12]) {
    const place = js.layout({ ...photo, count }, 1000, 8, 400, 20);
    assert.ok(place.columns * (place.width + 8) - 8 <= 1000 + place.columns);
    assert.ok(place.rows * (place.height + 28) - 8 <= 400 + place.rows);
  }
  assert.equal(js.layout({ ...photo, count: 4 }, 1000, 8, 400, 20).rows, 1);
  const place = js.layout({ ...photo, count: 6 }, 672, 8, 672, 20);
  assert.equal(place.columns, 3);
  for (let tile = 0; tile < 6; tile++) {
    const [left, top] = js.corner(tile, place);
    assert.equal(js.locate(left + 3, top + 5, place, { ...photo, count: 6 }).tile, tile);
    assert.deepEqual(js.locate(left, top - 10, place, { ...photo, count: 6 }), { tile, x: 0, y: 0, row: 0, column: 0 }); // in its name
  }
});

test("every px of the screen maps to the pixel that is drawn there", () => {
  const place = js.layout(grid, 448, 2);
  for (let tile = 0; tile < grid.count; tile++) {
    const [left, top] = js.corner(tile, place), cell = place.width / 13;
    for (const [x, y] of [[0, 0], [5, 7], [12, 12]]) {
      const found = js.locate(left + (x + 0.5) * cell, top + (y + 0.5) * cell, place, grid);
      assert.deepEqual(found, { tile, x, y, row: y, column: x });
    }
  }
  assert.equal(js.locate(3 * (place.width + 2) + 5, 2 * (place.height + 2) + 5, place, grid), null); // there is no tile 11
  assert.equal(js.locate(-1, 5, place, grid), null);
  assert.equal(js.locate(place.width + 1, 5, place, grid).x, 12); // a gap belongs to the tile before it
});

test("the cell of an overlay follows its extent", () => {
  const scene = { ...photo, values: { size: [13, 13] }, extent: [8, 16, 216, 224] };
  assert.deepEqual(js.pointer(0, 8, 16, scene), { tile: 0, x: 8, y: 16, row: 0, column: 0 });
  assert.deepEqual(js.pointer(0, 215, 223, scene), { tile: 0, x: 215, y: 223, row: 12, column: 12 });
  assert.deepEqual(js.pointer(0, 7, 100, scene), { tile: 0, x: 7, y: 100, row: null, column: null });
  assert.deepEqual(js.overlay(scene, js.layout(scene, 448, 2)), [16, 32, 416, 416]);
  assert.deepEqual(js.overlay({ ...scene, extent: null }, js.layout(scene, 448, 2)), [0, 0, 448, 448]);
});

test("the field of the unit under a place, as far as it is in the picture", () => {
  const field = { cells: [4, 8], size: [7, 3], stride: [8, 4], offset: [3.5, 1] }, scene = { size: [32, 32], fields: [field] };
  assert.deepEqual(js.fieldAt({ tile: 0, x: 0, y: 0 }, scene), [0, 0.5, 3, 7]);
  assert.deepEqual(js.fieldAt({ tile: 2, x: 31, y: 15 }, scene), [28, 8.5, 3, 7]); // unit (1, 7), of any tile
  assert.deepEqual(js.fieldAt({ tile: 0, x: 9, y: 31 }, { ...scene, fields: [{ ...field, size: [99, 3] }] }), [8, 0, 3, 32]);
  assert.equal(js.fieldAt({ tile: 1, x: 0, y: 0 }, { size: [32, 32], fields: [field, null] }), null);
  assert.equal(js.fieldAt({ tile: 0, x: 0, y: 0 }, { size: [32, 32], fields: [] }), null);
  assert.match(js.readout({ tile: 0, x: 0, y: 0 }, { ...photo, ...scene }, null), / · sees 3 × 7 px$/);
});

test("arrow keys", () => {
  const place = js.layout(grid, 448, 2);
  const go = (at, key, far, cursor) => js.step(js.pointer(...at, grid), key, far, cursor, place, grid);
  assert.equal(go([0, 6, 6], "ArrowRight", false, "tile").tile, 1);
  assert.equal(go([0, 6, 6], "ArrowDown", false, "tile").tile, 4);
  assert.equal(go([7, 6, 6], "ArrowDown", false, "tile").tile, 7); // there is no tile 11
  assert.equal(go([3, 6, 6], "ArrowRight", false, "tile").tile, 3);
  assert.deepEqual(go([0, 6, 6], "ArrowLeft", false, "pixel"), { tile: 0, x: 5, y: 6, row: 6, column: 5 });
  assert.deepEqual(go([0, 12, 6], "ArrowRight", false, "pixel"), { tile: 1, x: 0, y: 6, row: 6, column: 0 });
  assert.deepEqual(go([0, 6, 6], "ArrowUp", true, "pixel"), { tile: 0, x: 6, y: 0, row: 0, column: 6 });
  assert.equal(go([4, 6, 6], "Home", false, "tile").tile, 0);
  assert.equal(go([4, 6, 6], "End", false, "tile").tile, 9);
  assert.equal(go([4, 6, 6], "a", false, "tile"), null);
});

test("values come out of the wire as they went in, at any offset", () => {
  const numbers = [0.1, NaN, -2.5, 1e-9, 3, 4];
  const bytes = new Uint8Array(1 + 24);
  bytes.set(new Uint8Array(new Float32Array(numbers).buffer), 1); // not aligned
  const data = new DataView(bytes.buffer, 1, 24);
  const map = js.decode({ data, type: "float32", size: [1, 3], low: [0], high: [1] });
  assert.equal(map.at(0, 0, 0), Math.fround(0.1));
  assert.ok(Number.isNaN(map.at(0, 0, 1)));
  assert.equal(map.at(1, 0, 2), 4);
  assert.throws(() => js.decode({ data, type: "float32", size: [1, 4], low: [0], high: [1] }), RangeError); // damaged
  const codes = js.decode({ data: new DataView(Uint8Array.of(0, 127, 254, 255).buffer), type: "uint8", size: [1, 2], low: [-1, 0], high: [1, 10] });
  assert.deepEqual([codes.at(0, 0, 0), codes.at(0, 0, 1), codes.at(1, 0, 0)], [-1, 0, 10]);
  assert.ok(Number.isNaN(codes.at(1, 0, 1)));
});

test("colors: ends, middle, beyond the ends, NaN, no range", () => {
  const table = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)); // gray
  const red = (numbers, low, high) => {
    const sheet = colorize(float32(numbers, [1, numbers.length], [low], [high]), 1, table, 1);
    return numbers.map((_, i) => (sheet[4 * i + 3] ? sheet[4 * i] : null));
  };
  assert.deepEqual(red([0, 0.5, 1, -9, 9, NaN], 0, 1), [0, 128, 255, 0, 255, null]);
  assert.deepEqual(red([5, 5], 5, 5), [0, 0]);
  assert.deepEqual(red([Infinity, -Infinity], 0, 1), [255, 0]);
});

test("each tile may have its own range, and stands at its place on the sheet", () => {
  const table = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  const sheet = colorize(float32([1, 2, 3], [1, 1], [0, 0, 0], [1, 4, 3]), 3, table, 2);
  assert.deepEqual([0, 1, 2, 3].map((i) => sheet[4 * i]), [255, 128, 255, 0]);
  assert.equal(sheet[4 * 3 + 3], 0); // no fourth tile
});

test("512 maps of 13×13 are colored well within a frame", () => {
  const map = float32(Float32Array.from({ length: 512 * 169 }, Math.random), [13, 13], [0], [1]);
  const table = new Uint8Array(768);
  colorize(map, 512, table, 23);
  const start = performance.now();
  colorize(map, 512, table, 23);
  assert.ok(performance.now() - start < 50);
});

test("numbers to read", () => {
  const cases = [[0, "0"], [0.84213, "0.8421"], [-0.5, "−0.5"], [12345.6, "12350"], [1e-7, "1.00e−7"], [NaN, "no value"], [-Infinity, "−∞"]];
  for (const [value, text] of cases) assert.equal(js.format(value), text);
  assert.deepEqual(js.ends(0.00008, 1.2), ["0", "1.2"]);
  assert.deepEqual(js.ends(-0.333333, 0.333333), ["−0.333", "0.333"]);
  assert.deepEqual(js.ends(2, 2), ["2", "2"]);
});

test("the readout names the tile, the place and the value", () => {
  const map = float32(Array.from({ length: 10 * 169 }, (_, i) => i / 8), [13, 13], [0], [1]);
  const names = Array.from({ length: 10 }, (_, i) => `channel ${i}`);
  assert.equal(js.readout(js.pointer(1, 5, 3, grid), { ...grid, names }, map), "channel 1 (3, 5) · 26.63");
  assert.equal(js.readout(js.pointer(0, 103, 57, photo), photo, null), "x 103, y 57");
  const over = { ...photo, values: { size: [13, 13] }, extent: [100, 0, 224, 224] };
  assert.equal(js.readout(js.pointer(0, 99, 57, over), over, map), "x 99, y 57");
  assert.match(js.readout(js.pointer(0, 100, 0, over), over, map), / · 0$/);
  assert.match(js.readout(js.pointer(2, 0, 0, grid), grid, { at: () => 0.123456, exact: false }), /^tile 2 \(0, 0\) · ≈ 0.123$/);
});

test("kinds are read by their names", () => {
  const map = float32([0, 1, 2, NaN], [2, 2], [-0.5], [9.5]), levels = ["cat", "dog"];
  const at = (x, y) => js.valueAt(js.pointer(0, x, y, { ...grid, size: [2, 2], values: { size: [2, 2] } }), { levels }, map);
  assert.deepEqual([at(0, 0), at(1, 0), at(0, 1), at(1, 1)], ["cat", "dog", "", "no value"]);
});

test("file names", () => {
  assert.equal(js.fileName("Drop of “tabby” / when hidden"), "Drop-of-tabby-when-hidden.png");
  assert.equal(js.fileName("…"), "picture.png");
});
