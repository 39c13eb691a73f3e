// @ts-check
// The browser's half of Faders.

import { element, keepKeys, observe } from "./js/dom.js";
import { say } from "./js/words.js";

const LEAST = 0.001; // loss of an empty bar; that of a full one is 1

/** How much of its bar a loss fills, 0…1, in equal steps for equal factors. @param {number | undefined} loss */
export const filled = (loss) => (loss ? Math.max(0, Math.min(1, 1 - Math.log(loss) / Math.log(LEAST))) : 0);

/** A loss in three digits; nothing where there is none yet. @param {number | undefined} loss */
export const written = (loss) => (loss === undefined ? "" : loss < 0.001 ? small(loss) : loss.toPrecision(loss < 1 ? 2 : 3));

/** 0.00042 as "4×10⁻⁴". @param {number} loss */
const small = (loss) => !loss ? "0" : loss.toExponential(0).replace(/e-(\d+)/, (_, power) => `×10⁻${power.replace(/\d/g, (/** @type {number} */ digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])}`);

/** The weights after one was set; those that are 1 are left out. */
export function weighted(value, name, weight) {
  const { [name]: _, ...others } = value;
  return weight === 1 ? others : { ...others, [name]: weight };
}

function render({ model, el }) {
  const root = element("div", "cnnviz-faders", { role: "group" }), cleanup = new AbortController(), { signal } = cleanup;
  /** @type {Map<string, { fader: HTMLInputElement, weight: HTMLElement, bar: HTMLElement, loss: HTMLElement }>} */
  const rows = new Map();

  function build() {
    rows.clear();
    root.setAttribute("aria-label", model.get("description"));
    root.title = model.get("tooltip");
    root.replaceChildren(...model.get("names").flatMap((/** @type {string} */ name) => {
      const fader = element("input", "cnnviz-fader", { type: "range", min: 0, max: model.get("most"), step: 0.05, "aria-label": say("Weight of {name}", { name }) });
      const [weight, bar, loss] = [element("span", "cnnviz-fader-number"), element("span", "cnnviz-fader-bar"), element("span", "cnnviz-fader-number")];
      fader.addEventListener("input", () => {
        model.set("value", weighted(model.get("value"), name, Number(fader.value)));
        model.save_changes();
        show();
      }, { signal });
      rows.set(name, { fader, weight, bar, loss });
      return [element("span", "cnnviz-fader-name", { title: name }, name), fader, weight, element("span", "cnnviz-fader-track", { "aria-hidden": "true" }, bar), loss];
    }));
    show();
  }

  function show() {
    const [value, losses] = [model.get("value"), model.get("losses")];
    for (const [name, { fader, weight, bar, loss }] of rows) {
      fader.value = String(value[name] ?? 1);
      weight.textContent = `× ${Number(fader.value).toFixed(2)}`;
      bar.style.width = `${100 * filled(losses[name])}%`;
      loss.textContent = written(losses[name]);
    }
  }

  root.addEventListener("keydown", keepKeys, { signal });
  el.classList.add("cnnviz-faders-room");
  el.append(root);
  const unobserve = observe(model, { "change:names change:most change:description change:tooltip": build, "change:value change:losses": show });
  build();
  return () => {
    cleanup.abort();
    unobserve();
    root.remove();
  };
}

export default { render };
