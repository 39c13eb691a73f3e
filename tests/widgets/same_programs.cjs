// Whether pairs of programs have the same syntax tree, wherever it stands in the text; with node's own parser.

const { readFileSync } = require("node:fs");
const { parse } = require("internal/deps/acorn/acorn/dist/acorn");

const tree = (text) =>
  JSON.stringify(parse(text, { ecmaVersion: "latest", sourceType: "module" }), (key, value) => {
    if (key === "start" || key === "end") return undefined;
    return typeof value === "bigint" || value instanceof RegExp ? String(value) : value;
  });

process.stdout.write(String(JSON.parse(readFileSync(0, "utf8")).every(([one, other]) => tree(one) === tree(other))));
