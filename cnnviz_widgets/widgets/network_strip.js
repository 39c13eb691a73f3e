// The browser's half of NetworkStrip. The first part is pure and tested with plain node; the second draws and listens.

import { element, isForNotebook, observe } from "./js/dom.js";

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

function render({ model, el }) {
  const strip = element("div", "cnnviz-strip", { role: "slider", tabindex: "0", "aria-label": model.get("description"), title: model.get("tooltip") });
  const readout = element("span", "cnnviz-strip-readout"), place = element("span", "cnnviz-strip-place");
  const head = element("div", "cnnviz-strip-head", { "aria-hidden": "true" }, readout, place);
  el.classList.add("cnnviz-network");
  el.append(head, strip);
  let boxes = [];

  function draw() {
    const layers = model.get("layers"), largest = Math.max(1, ...layers.map(({ height, width }) => Math.max(height, width)));
    boxes = layers.map((layer) => {
      const made = element("span", `cnnviz-layer cnnviz-layer-${family(layer.kind)}`), { grow, height } = box(layer, largest);
      made.style.flexGrow = String(grow);
      made.style.height = `${height}%`;
      made.classList.toggle("cnnviz-layer-fixed", !layer.can);
      return made;
    });
    strip.replaceChildren(...boxes);
    show();
  }

  function show() {
    const layers = model.get("layers"), at = layers.findIndex((layer) => layer.name === model.get("value"));
    for (const [number, one] of boxes.entries()) one.classList.toggle("cnnviz-layer-chosen", number === at);
    strip.setAttribute("aria-valuemin", "1");
    strip.setAttribute("aria-valuemax", String(layers.length));
    strip.setAttribute("aria-valuenow", String(at + 1));
    strip.setAttribute("aria-valuetext", at < 0 ? "none" : words(layers[at]));
    tell(at);
  }

  function tell(at) {
    const layers = model.get("layers");
    readout.textContent = at < 0 ? "" : words(layers[at]);
    place.textContent = at < 0 ? "" : `layer ${at + 1} of ${layers.length}`;
  }

  function choose(layer) {
    if (!layer?.can || layer.name === model.get("value")) return;
    model.set("value", layer.name);
    model.save_changes();
  }

  /** The number of the layer at this place, whatever its height. */
  const under = (event) => boxes.findIndex((one) => event.clientX <= one.getBoundingClientRect().right);

  const cleanup = new AbortController(), { signal } = cleanup;
  strip.addEventListener("click", (event) => choose(model.get("layers")[under(event)]), { signal });
  strip.addEventListener("pointermove", (event) => tell(under(event)), { signal });
  strip.addEventListener("pointerleave", show, { signal });
  strip.addEventListener("keydown", (event) => {
    if (isForNotebook(event)) return;
    event.stopPropagation();
    const layer = step(model.get("layers"), model.get("value"), event.key);
    if (!layer) return;
    choose(layer);
    event.preventDefault();
  }, { signal });
  const forget = observe(model, { "change:layers": draw, "change:value": show });
  draw();

  return () => {
    cleanup.abort();
    forget();
    el.replaceChildren();
  };
}

export default { render };
