// @ts-check
// The browser's half of ChartView: it holds bqplot's view, or, where that cannot be had, the picture that Python draws.

import { element, keepKeys, observe, tell } from "./js/dom.js";
import { say } from "./js/words.js";

const ROW = 38; // px of a bar with its name, as in chart.py
const PATIENCE = 2500; // ms for bqplot's own files, after which a picture takes their place

/**
 * bqplot's view of a figure; an error where its files cannot be loaded.
 * @param {any} manager
 * @param {string} reference
 */
async function viewOf(manager, reference) {
  const figure = await manager.get_model(reference.replace("IPY_MODEL_", ""));
  if (figure.get("_view_name") !== "Figure") throw new Error("bqplot's files cannot be loaded"); // an error's own model
  return manager.create_view(figure);
}

/**
 * Tell a view what a box of ipywidgets would tell it: that it is in the page, or has another size.
 * @param {any} view
 * @param {"after-attach" | "resize"} type
 */
const notify = (view, type) => (view.luminoWidget ?? view.pWidget).processMessage({ type, width: -1, height: -1 });

const CLICK = 4; // px that the pointer moves before it is a drag
/** The part of what is seen of the x axis that a key shows, in shares of it; null = the whole axis. @type {Record<string, [number, number] | null>} */
const KEYS = { "+": [0.25, 0.75], "=": [0.25, 0.75], "-": [-0.5, 1.5], 0: null, ArrowLeft: [-0.1, 0.9], ArrowRight: [0.1, 1.1] };

/**
 * Let a part of the x axis be dragged open, or chosen with keys.
 * @param {import("./js/dom.js").Model} model
 * @param {HTMLElement} box  that takes the keys
 * @param {HTMLElement} plot
 * @param {() => { left: number, right: number } | undefined} margin  around the axes, in px
 * @param {AbortSignal} signal
 */
function zoomable(model, box, plot, margin, signal) {
  const range = element("div", "cnnviz-range", { hidden: "" });
  const ask = (/** @type {[number, number] | null} */ ends) => tell(model, { do: "zoom", ends });
  let from = NaN;
  box.setAttribute("tabindex", "0");
  box.setAttribute("role", "group");
  plot.parentElement?.append(range);
  const on = (/** @type {HTMLElement} */ target, /** @type {string} */ type, /** @type {(event: any) => void} */ handler) => target.addEventListener(type, handler, { signal });
  /** [share of the axis, px from the left] of an event. */
  const place = (/** @type {PointerEvent} */ event) => {
    const { left, width } = plot.getBoundingClientRect(), { left: before, right: after } = margin() ?? { left: 0, right: 0 };
    const x = Math.max(before, Math.min(width - after, event.clientX - left));
    return [(x - before) / (width - before - after), x];
  };
  on(plot, "pointerdown", (event) => {
    if (event.button !== 0 || !margin()) return; // a picture has no axis to drag at
    plot.setPointerCapture(event.pointerId);
    from = place(event)[1];
    event.preventDefault(); // no text is selected
    box.focus({ preventScroll: true });
  });
  on(plot, "pointermove", (event) => {
    if (Number.isNaN(from)) return;
    const [, to] = place(event);
    range.hidden = Math.abs(to - from) < CLICK;
    Object.assign(range.style, { left: `${Math.min(from, to)}px`, width: `${Math.abs(to - from)}px` });
  });
  on(plot, "pointerup", (event) => {
    const [end, to] = place(event), { left, right } = margin() ?? { left: 0, right: 0 };
    const start = (from - left) / (plot.clientWidth - left - right);
    if (Math.abs(to - from) >= CLICK) ask([Math.min(start, end), Math.max(start, end)]);
    [from, range.hidden] = [NaN, true];
  });
  on(plot, "pointercancel", () => ([from, range.hidden] = [NaN, true]));
  on(plot, "dblclick", () => ask(null));
  on(box, "keydown", (event) => {
    keepKeys(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== box || !(event.key in KEYS)) return;
    event.preventDefault();
    ask(KEYS[event.key]);
  });
}

/** @param {{ model: import("./js/dom.js").Model, el: HTMLElement }} props */
function render({ model, el }) {
  const plot = element("div", "cnnviz-plot"), still = element("img", "cnnviz-still", { alt: "" });
  const legend = element("div", "cnnviz-chart-legend", { "aria-hidden": "true" });
  const table = element("table", "cnnviz-numbers");
  const frame = element("div", "cnnviz-axes", { role: "img" }, plot, legend);
  const all = element("button", "cnnviz-button cnnviz-unzoom", { type: "button", title: say("Show the whole axis (0, or a double click)") }, say("All"));
  const zooms = model.get("_zoom") !== "none", box = element("div", "cnnviz-zoomable", {}, frame, all);
  el.classList.add("cnnviz-chart");
  el.append(box, table);
  const cleanup = new AbortController(), { signal } = cleanup;
  if (zooms) zoomable(model, box, plot, () => view?.model.get("fig_margin"), signal);
  all.addEventListener("click", () => tell(model, { do: "zoom", ends: null }), { signal });
  plot.style.height = `${model.get("_height")}px`;
  let address = "", gone = false, /** @type {any} */ view = null;

  function showWords() {
    const [head = [], ...rows] = model.get("_table");
    frame.setAttribute("aria-label", model.get("name"));
    if (zooms) box.setAttribute("aria-label", say("{name}: plus and minus zoom, arrow keys move, 0 shows all", { name: model.get("name") }));
    all.hidden = model.get("_zoom") !== "part";
    table.replaceChildren(
      element("caption", "", {}, model.get("name")),
      element("tr", "", {}, ...head.map((/** @type {string} */ text) => element("th", "", { scope: "col" }, text))),
      ...rows.map((/** @type {string[]} */ [name, ...numbers]) => element("tr", "", {}, element("th", "", { scope: "row" }, name), ...numbers.map((text) => element("td", "", {}, text)))),
    );
  }

  function showLegend() {
    const { corner = "", rows = [] } = model.get("_legend");
    legend.className = ["cnnviz-chart-legend", ...(corner && `inside ${corner}`.split(" "))].join(" ");
    legend.replaceChildren(...rows.map((/** @type {string[]} */ [color, dash, name, note]) => {
      const stroke = element("span", "cnnviz-stroke");
      stroke.style.borderTop = `3px ${dash} ${color}`;
      return element("span", "cnnviz-level", {}, stroke, element("span", "cnnviz-level-name", {}, name), " ", element("b", "", {}, note));
    }));
  }

  /** The picture in place of a view that is not there. */
  function showStill() {
    const png = model.get("_still");
    if (view || !png?.byteLength) return;
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([png], { type: "image/png" }));
    still.src = address;
    plot.style.height = "auto";
    frame.classList.add("cnnviz-drawn");
    el.classList.remove("cnnviz-listed");
    plot.replaceChildren(still);
  }

  /** bqplot is late, or will not come: the numbers themselves, until Python has sent a picture. */
  function doWithout() {
    if (view || gone) return;
    if (!still.src) el.classList.add("cnnviz-listed");
    tell(model, { do: "still" });
  }

  let attached = false;
  const sized = new ResizeObserver(() => {
    if (!plot.clientWidth) return; // not in the page yet, or not seen: bqplot would draw rectangles of negative sizes
    notify(view, attached ? "resize" : "after-attach");
    attached = true;
  });
  const late = setTimeout(doWithout, PATIENCE);
  viewOf(model.widget_manager, model.get("_figure")).then((made) => {
    if (gone) return made.remove();
    view = made;
    clearTimeout(late);
    el.classList.remove("cnnviz-listed");
    frame.classList.remove("cnnviz-drawn");
    plot.style.height = `${model.get("_height")}px`;
    plot.replaceChildren(view.el);
    sized.observe(plot);
  }).catch(() => {
    clearTimeout(late);
    doWithout();
  });

  /**
   * The name of the bar under the pointer, which may be too long to be written.
   * @param {PointerEvent} event
   */
  function tip(event) {
    const row = Math.floor((event.clientY - plot.getBoundingClientRect().top) / ROW);
    plot.title = zooms ? say("Drag to zoom; a double click shows all") : model.get("_table")[row + 1]?.[0] ?? "";
  }
  plot.addEventListener("pointermove", tip);

  showWords();
  showLegend();
  showStill();
  const end = observe(model, { "change:_table change:name change:_zoom": showWords, "change:_legend": showLegend, "change:_still": showStill });
  return () => {
    gone = true;
    cleanup.abort();
    clearTimeout(late);
    sized.disconnect();
    end();
    URL.revokeObjectURL(address);
    view?.remove();
  };
}

export default { render };
