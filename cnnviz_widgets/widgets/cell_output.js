// The browser's half of CellOutput: it says that there is a view, and keeps the notebook's saved picture up to date.

import { tell } from "./js/dom.js";

const REST = 1000; // ms without a change after which a picture is worth its drawing
const WIDGET = "application/vnd.jupyter.widget-view+json";

/** Put a picture into the saved outputs that show a widget; whether there was one that had another picture.
 *
 * ``cells`` are a notebook's shared cells (of @jupyter/ydoc). An output's own field is set: to replace the output, as
 * ``update_display_data`` does, would draw the live view anew.
 */
export function keep(cells, widget, picture) {
  let changed = false;
  for (const cell of cells) {
    for (const output of cell.ymodel?.get("outputs") ?? []) {
      const data = output.get("data");
      if (data?.[WIDGET]?.model_id !== widget || data["image/png"] === picture) continue;
      output.set("data", { ...data, "image/png": picture });
      changed = true;
    }
  }
  return changed;
}

/** For each page once, also where the cell is out of sight and has no view. */
function initialize({ model }) {
  const cells = () => model.widget_manager?.context?.model?.sharedModel?.cells; // where there is a notebook of JupyterLab's
  let timer = 0;
  const rest = () => {
    clearTimeout(timer);
    if (model.get("settled") && cells()) timer = setTimeout(() => tell(model, { do: "picture" }), REST);
  };
  const receive = (message) => message.do === "keep" && keep(cells() ?? [], message.output, message.picture);
  model.on("change:settled", rest);
  model.on("msg:custom", receive);
  rest();
  return () => {
    clearTimeout(timer);
    model.off("change:settled", rest);
    model.off("msg:custom", receive);
  };
}

function render({ model }) {
  const view = crypto.getRandomValues(new Uint32Array(2)).join("-");
  tell(model, { do: "shown", view });
  return () => tell(model, { do: "gone", view });
}

export default { initialize, render };
