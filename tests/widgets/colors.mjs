// Reads {values, size, count, low, high, table, scene, box} and prints what the browser would draw, as JSON.
import { readFileSync } from "node:fs";

import { colorize } from "../../cnnviz_widgets/widgets/js/paint.js";
import * as js from "../../cnnviz_widgets/widgets/js/scene.js";

const { values, size, count, low, high, table, scenes, boxes } = JSON.parse(readFileSync(0, "utf8"));
const bytes = Buffer.from(values, "base64");
const map = js.decode({ data: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), type: "float32", size, low, high });
const colors = colorize(map, count, Buffer.from(table, "base64"), 1);
const layouts = scenes.map((scene) => boxes.map((box) => Object.values(js.layout(scene, box, 2))));
console.log(JSON.stringify({ colors: Buffer.from(colors.buffer).toString("base64"), layouts }));
