// The browser's half of NetworkStrip. The first part is pure and tested with plain node; the second draws and listens.

import { element, isForNotebook, keepKeys, observe } from "./js/dom.js";
import { say } from "./js/words.js";

const KINDS = [[/conv/i, "conv"], [/relu|gelu|silu|sigmoid|tanh|swish/i, "activation"], [/pool/i, "pool"], [/norm/i, "norm"], [/linear/i, "linear"]];

/** The color's name of a kind of layer, such as "Conv2d". */
export const family = (kind) => KINDS.find(([pattern]) => pattern.test(kind))?.[1] ?? "other";

/** { grow, height } of a layer's box: shares of the strip's width and, in %, of its height, on logarithmic scales. */
export function box({ channels, height, width }, largest) {
  return { grow: 1 + Math.log2(Math.max(1, channels)), height: Math.round(20 + (80 * Math.log2(1 + Math.max(height, width))) / Math.log2(1 + largest)) };
}

/** The layer to which a key leads from one, among those that can be chosen; null if it leads nowhere. */
export function step(layers, name, key) {
  const can = layers.filter((layer) => layer.can), at = can.findIndex((layer) => layer.name === name);
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown": return can[Math.max(0, at - 1)] ?? null;
    case "ArrowRight":
    case "ArrowUp": return can[Math.min(can.length - 1, at + 1)] ?? null;
    case "Home": return can[0] ?? null;
    case "End": return can.at(-1) ?? null;
    default: return null;
  }
}

/** "conv3 · Conv2d 64×28×28" */
export const words = ({ label, kind, channels, height, width }) => `${label} · ${kind} ${[channels, height, width].filter(Boolean).join("×")}`;

// ------------------------------------------------------------------------------------------------------------------

function choose(model, layer) {
  if (!layer?.can || layer.name === model.get("value")) return;
  model.set("value", layer.name);
  model.save_changes();
}

/** The boxes of all layers, under a line that names the one under the pointer, or the chosen one. */
function strip(model, signal) {
  const boxes = element("div", "cnnviz-strip", { role: "slider", tabindex: "0", "aria-label": model.get("description"), title: model.get("tooltip") });
  const readout = element("span", "cnnviz-strip-readout"), place = element("span", "cnnviz-strip-place");
  const head = element("div", "cnnviz-strip-head", { "aria-hidden": "true" }, readout, place);

  function draw() {
    const layers = model.get("layers"), largest = Math.max(1, ...layers.map(({ height, width }) => Math.max(height, width)));
    boxes.replaceChildren(...layers.map((layer) => {
      const made = element("span", `cnnviz-layer cnnviz-layer-${family(layer.kind)}`), { grow, height } = box(layer, largest);
      made.style.flexGrow = String(grow);
      made.style.height = `${height}%`;
      made.classList.toggle("cnnviz-layer-fixed", !layer.can);
      return made;
    }));
    show();
  }

  function show() {
    const layers = model.get("layers"), at = layers.findIndex((layer) => layer.name === model.get("value"));
    for (const [number, one] of [...boxes.children].entries()) one.classList.toggle("cnnviz-layer-chosen", number === at);
    boxes.setAttribute("aria-valuemin", "1");
    boxes.setAttribute("aria-valuemax", String(layers.length));
    boxes.setAttribute("aria-valuenow", String(at + 1));
    boxes.setAttribute("aria-valuetext", at < 0 ? say("none") : words(layers[at]));
    tell(at);
  }

  function tell(at) {
    const layers = model.get("layers");
    readout.textContent = at < 0 ? "" : words(layers[at]);
    place.textContent = at < 0 ? "" : say("layer {number} of {count}", { number: at + 1, count: layers.length });
  }

  /** The number of the layer at this place, whatever its height. */
  const under = (event) => [...boxes.children].findIndex((one) => event.clientX <= one.getBoundingClientRect().right);

  boxes.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    boxes.setPointerCapture(event.pointerId);
    choose(model, model.get("layers")[under(event)]);
  }, { signal });
  boxes.addEventListener("pointermove", (event) => {
    tell(under(event));
    if (event.buttons & 1) choose(model, model.get("layers")[under(event)]);
  }, { signal });
  boxes.addEventListener("pointerleave", show, { signal });
  boxes.addEventListener("keydown", (event) => {
    if (isForNotebook(event)) return;
    event.stopPropagation();
    const layer = step(model.get("layers"), model.get("value"), event.key);
    if (!layer) return;
    choose(model, layer);
    event.preventDefault();
  }, { signal });
  return { parts: [head, boxes], draw, show };
}

/** A list of the layers that can be chosen, and a button that opens the strip over what is below. */
function list(model, el, signal) {
  const name = model.get("description"), id = `cnnviz-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  const select = element("select", "", { id, title: model.get("tooltip") });
  const button = element("button", "cnnviz-button cnnviz-strip-button", { type: "button", "aria-label": say("{name}: the whole network", { name }), title: say("The whole network, layer by layer") }, "▥");
  const over = element("div", "cnnviz-strip-over", { popover: "auto", role: "group", "aria-label": say("{name}: the whole network", { name }) });
  button.popoverTargetElement = over;
  el.classList.add("jupyter-widgets", "widget-inline-hbox", "widget-dropdown", "cnnviz-layer-list"); // looks as ipywidgets' own
  el.append(element("label", "widget-label", { for: id, title: model.get("tooltip") }, name), select, button, over);
  /** @type {ReturnType<typeof strip> | null} */
  let all = null; // made when it is opened

  function draw() {
    const none = model.get("none"), layers = model.get("layers").filter((layer) => layer.can);
    select.replaceChildren(...(none ? [new Option(none, "")] : []), ...layers.map((layer) => new Option(words(layer), layer.name)));
    all?.draw();
    show();
  }

  function show() {
    select.value = model.get("value");
    select.disabled = button.disabled = model.get("disabled");
    all?.show();
  }

  over.addEventListener("beforetoggle", ({ newState }) => {
    if (newState !== "open") return;
    if (!all) {
      all = strip(model, signal);
      over.append(...all.parts);
      all.draw();
    }
    const { left, width } = (el.closest(".cnnviz-controls") ?? el).getBoundingClientRect();
    Object.assign(over.style, { left: `${left}px`, width: `${width}px`, top: `${select.getBoundingClientRect().bottom + 4}px` });
  }, { signal });
  over.addEventListener("toggle", ({ newState }) => newState === "open" && all.parts[1].focus(), { signal });
  document.addEventListener("scroll", ({ target }) => target.contains(el) && over.hidePopover(), { signal, capture: true, passive: true });
  select.addEventListener("change", () => choose(model, model.get("layers").find((layer) => layer.name === select.value) ?? { name: "", can: true }), { signal });
  el.addEventListener("keydown", keepKeys, { signal });
  return { draw, show };
}

function render({ model, el }) {
  const cleanup = new AbortController(), { signal } = cleanup;
  const made = model.get("folded") ? list(model, el, signal) : strip(model, signal);
  if (made.parts) {
    el.classList.add("cnnviz-network");
    el.append(...made.parts);
  }
  const forget = observe(model, { "change:layers change:none": made.draw, "change:value change:disabled": made.show });
  made.draw();
  return () => {
    cleanup.abort();
    forget();
    el.replaceChildren();
  };
}

export default { render };
