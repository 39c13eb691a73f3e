// The browser's half of CellOutput: it says that there is a view, keeps the notebook's saved picture up to date, and
// gives the pictures on the page the words that their outputs have for them, which JupyterLab leaves out.

import { tell } from "./js/dom.js";

const SOON = 300; // ms after which images that have come get their words
const REST = 1000; // ms without a change after which a picture is worth its drawing
const WIDGET = "application/vnd.jupyter.widget-view+json";

/** Put a picture, and what is in it, into the saved outputs that show a widget; whether one had another picture.
 *
 * ``cells`` are a notebook's shared cells (of @jupyter/ydoc). An output's own field is set: to replace the output, as
 * ``update_display_data`` does, would draw the live view anew.
 */
export function keep(cells, widget, picture, alt) {
  let changed = false;
  for (const cell of cells) {
    for (const output of cell.ymodel?.get("outputs") ?? []) {
      const data = output.get("data");
      if (data?.[WIDGET]?.model_id !== widget || data["image/png"] === picture) continue;
      const [name] = [data["text/plain"] ?? ""].flat().join("").split("\n");
      output.set("data", { ...data, "image/png": picture, "text/plain": `${name}\n${alt}` });
      output.set("metadata", { ...output.get("metadata"), "image/png": { alt } });
      changed = true;
    }
  }
  return changed;
}

/** Give images the ``alt`` that stands in the metadata of the output which they show. */
export function nameImages(cells, images) {
  const words = new Map();
  for (const cell of cells) {
    for (const output of cell.ymodel?.get("outputs") ?? []) {
      for (const [type, about] of Object.entries(output.get("metadata") ?? {})) {
        if (about?.alt) words.set(`data:${type};base64,${[output.get("data")[type]].flat().join("")}`, about.alt);
      }
    }
  }
  for (const image of images) {
    const alt = words.get(image.getAttribute("src"));
    if (alt) image.alt = alt;
  }
}

/** @type {Set<() => any>} */ const notebooks = new Set(); // of the page: what gives their cells
let later = 0;
const watcher = globalThis.MutationObserver && new MutationObserver(() => (later ||= setTimeout(nameAll, SOON)));

function nameAll() {
  later = 0;
  const images = document.querySelectorAll(".jp-RenderedImage img:not([alt])");
  if (images.length) nameImages(new Set([...notebooks].flatMap((cells) => cells() ?? [])), images);
}

/** Do so for all images that come, as long as there is a panel. */
function watch(cells) {
  notebooks.add(cells);
  watcher.observe(document.body, { childList: true, subtree: true });
  nameAll();
  return () => {
    notebooks.delete(cells);
    if (!notebooks.size) watcher.disconnect();
  };
}

/** For each page once, also where the cell is out of sight and has no view. */
function initialize({ model }) {
  const cells = () => model.widget_manager?.context?.model?.sharedModel?.cells; // where there is a notebook of JupyterLab's
  let timer = 0;
  const rest = () => {
    clearTimeout(timer);
    if (model.get("settled") && cells()) timer = setTimeout(() => tell(model, { do: "picture" }), REST);
  };
  const receive = (message) => message.do === "keep" && keep(cells() ?? [], message.output, message.picture, message.alt);
  model.on("change:settled", rest);
  model.on("msg:custom", receive);
  rest();
  const unwatch = watch(cells);
  return () => {
    unwatch();
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
