// The browser's half of CheckTable. The first part is pure and tested with plain node; the second draws and listens.

import { element, isForNotebook } from "./js/dom.js";
import { say } from "./js/words.js";

/** The pairs that are checked after one was clicked, column by column; as before if that made too many, or none. */
export function toggled(value, pair, columns, rows, most) {
  const has = ([column, row]) => value.some(([c, r]) => c === column && r === row);
  if (!has(pair) && value.length >= most) return value;
  const wanted = (one) => has(one) !== (one[0] === pair[0] && one[1] === pair[1]);
  const left = columns.flatMap(([column]) => rows.map(([row]) => [column, row])).filter(wanted);
  return left.length ? left : value;
}

/** Where a key leads from a box at [column, row]; null if it leads nowhere. */
export function step([column, row], key, columns, rows) {
  const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (key === "Home") return [0, row];
  if (key === "End") return [columns - 1, row];
  if (!(key in directions)) return null;
  const [dx, dy] = directions[key];
  return [Math.min(columns - 1, Math.max(0, column + dx)), Math.min(rows - 1, Math.max(0, row + dy))];
}

// ------------------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const columns = model.get("columns"), single = !model.get("rows").length;
  const rows = single ? [["", ""]] : model.get("rows");
  const boxes = rows.map(([, row]) => columns.map(([, column]) => {
    return element("input", "cnnviz-check cnnviz-tick", { type: "checkbox", "aria-label": row ? `${column}, ${row}` : column });
  }));
  const title = { "aria-label": model.get("description"), title: model.get("tooltip") };
  const count = element("span", "cnnviz-count", { role: "status" });
  const root = element("div", "cnnviz-check-table", {}, (single ? line : table)(), count);
  el.append(root);

  function line() {
    const labels = columns.map(([, column], c) => element("label", "", {}, boxes[0][c], column));
    return element("div", "cnnviz-check-line", { role: "group", ...title }, element("span", "cnnviz-corner", {}, model.get("description")), ...labels);
  }

  function table() {
    const head = element("tr", "", {}, element("th", "cnnviz-corner", { scope: "col" }, model.get("description")));
    for (const [, column] of columns) head.append(element("th", "", { scope: "col" }, column));
    const body = rows.map(([, row], r) => {
      return element("tr", "", {}, element("th", "", { scope: "row" }, row), ...boxes[r].map((box) => element("td", "", {}, box)));
    });
    return element("table", "", title, element("thead", "", {}, head), element("tbody", "", {}, ...body));
  }

  let at = [0, 0]; // the box that Tab leads to: [column, row]
  function show() {
    const value = model.get("value"), full = value.length >= model.get("most");
    for (const [r, line] of boxes.entries()) {
      for (const [c, box] of line.entries()) {
        box.checked = value.some(([column, row]) => column === columns[c][0] && row === rows[r][0]);
        box.setAttribute("aria-disabled", full && !box.checked); // not "disabled", which would take the focus away
        box.tabIndex = at[0] === c && at[1] === r ? 0 : -1;
      }
    }
    count.hidden = model.get("most") >= columns.length * rows.length;
    count.textContent = say("{number} of at most {most}", { number: value.length, most: model.get("most") });
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  const listen = (target, type, handler) => target.addEventListener(type, handler, { signal });
  for (const [r, line] of boxes.entries()) {
    for (const [c, box] of line.entries()) {
      listen(box, "focus", () => ((at = [c, r]), show()));
      listen(box, "change", () => {
        model.set("value", toggled(model.get("value"), [columns[c][0], rows[r][0]], columns, rows, model.get("most")));
        model.save_changes();
        show();
      });
    }
  }
  listen(root, "keydown", (event) => {
    if (isForNotebook(event)) return;
    event.stopPropagation();
    const next = step(at, event.key, columns.length, rows.length);
    if (!next) return;
    boxes[next[1]][next[0]].focus();
    event.preventDefault();
  });
  model.on("change:value", show);
  show();

  return () => {
    cleanup.abort();
    model.off("change:value", show);
    root.remove();
  };
}

export default { render };
