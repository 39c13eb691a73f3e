// @ts-check
// The controls of a picture: buttons in its corner, and the rows under it. They know nothing of what they control.

import { element, labelled } from "./dom.js";
import { say } from "./words.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];
/** What is written on a tool's button, its name, and how it is used. @type {Record<string, [string, string, string]>} */
const TOOLS = {
  point: ["↖", say("Point"), say("look at a place, or drag to move what is zoomed")],
  rectangle: ["▭", say("Rectangle"), say("drag; arrow keys move it, with Shift they resize it, Delete takes it away")],
  brush: ["✎", say("Brush"), say("paint; Space paints at the cursor, X erases, F fills, Z undoes, [ and ] change the size")],
};

const button = (/** @type {string} */ text, /** @type {string} */ name, title = name, className = "cnnviz-button") =>
  element("button", className, { type: "button", "aria-label": name, title }, text);

/**
 * Buttons that zoom: closer, away, and all of it (a factor of 0).
 * @param {string} className
 * @param {(factor: number) => void} zoom
 * @param {AbortSignal} signal
 */
export const zoomButtons = (className, zoom, signal) => /** @type {[string, string, string, number][]} */ ([
  ["+", say("Zoom in"), say("Zoom in (+, or Ctrl and the wheel)"), 2],
  ["−", say("Zoom out"), say("Zoom out (−)"), 0.5],
  ["⤢", say("Show all"), say("Show all of it (0, or a double click)"), 0],
]).map(([text, name, title, factor]) => {
  const made = button(text, name, title, className);
  made.addEventListener("click", () => zoom(factor), { signal });
  return made;
});

/** A list of speeds, 1× at first. @param {Record<string, string>} attributes */
export const speedList = (className, attributes) =>
  element("select", className, attributes, ...SPEEDS.map((one) => new Option(`${one}×`, String(one), one === 1, one === 1)));

/**
 * Zoom, and the tools that there are.
 * @param {{ zoom(factor: number): void, use(tool: string): void }} on
 * @param {AbortSignal} signal
 */
export function toolbar(on, signal) {
  const [closer, away, all] = zoomButtons("cnnviz-button", on.zoom, signal);
  const choices = Object.entries(TOOLS).map(([tool, [text, name, help]]) => {
    const choice = button(text, name, `${name}: ${help}`);
    choice.addEventListener("click", () => on.use(tool), { signal });
    return /** @type {[string, HTMLButtonElement]} */ ([tool, choice]);
  });
  const root = element("div", "cnnviz-toolbar", { role: "toolbar", "aria-label": say("Picture tools") }, ...choices.map(([, choice]) => choice), closer, away, all);
  return {
    root,
    /** @param {string[]} tools  that can be chosen @param {string} tool  that is @param {boolean} zoomed */
    show(tools, tool, zoomed) {
      for (const [name, choice] of choices) {
        choice.hidden = tools.length < 2 || !tools.includes(name);
        choice.setAttribute("aria-pressed", String(name === tool));
      }
      away.setAttribute("aria-disabled", String(!zoomed));
      all.setAttribute("aria-disabled", String(!zoomed));
      root.classList.toggle("cnnviz-awake", zoomed || tool !== "point");
    },
  };
}

/**
 * How the brush paints: label 0 erases.
 * @param {{ undo(): void, clear(): void }} on
 * @param {AbortSignal} signal
 */
export function brushBar(on, signal) {
  const labels = element("span", "cnnviz-choices", { role: "group", "aria-label": say("Label") });
  const fill = button(say("Fill"), say("Fill"), say("Fill: a click gives a whole area the label (F)")), undo = button("↶", say("Undo"), say("Undo the last stroke (Z)"));
  const clear = button(say("Clear"), say("Clear"), say("Take all paint away"));
  const size = element("input", "cnnviz-size", { type: "range", min: 1, max: 64, value: 12, title: say("Width of the brush, in pixels of the picture ([ and ])") });
  const root = element("div", "cnnviz-row", {}, labels, labelled("cnnviz-tool", say("Size"), size), fill, undo, clear);
  const state = { label: 1, fills: false };
  const listen = (/** @type {HTMLElement} */ target, /** @type {() => void} */ handler) => target.addEventListener("click", handler, { signal });
  /** @type {HTMLButtonElement[]} */
  let choices = [];
  const show = () => {
    for (const [label, choice] of choices.entries()) choice.setAttribute("aria-pressed", String((label + 1) % choices.length === state.label));
    fill.setAttribute("aria-pressed", String(state.fills));
  };
  const choose = (/** @type {number} */ label) => ((state.label = label), show());
  const toggleFill = () => ((state.fills = !state.fills), show());
  listen(fill, toggleFill);
  listen(undo, on.undo);
  listen(clear, on.clear);
  return {
    root,
    state,
    choose,
    toggleFill,
    get width() {
      return Number(size.value);
    },
    set width(value) {
      size.value = String(value);
    },
    /** @param {[string, string][]} paints  name and color of the labels 1, 2 … */
    name(paints) {
      choices = [...paints, [say("Eraser"), ""]].map(([name, color], i) => {
        const choice = button(name, name), label = (i + 1) % (paints.length + 1);
        if (label) choice.prepend(Object.assign(element("span", "cnnviz-swatch"), { style: `background: ${color}` }));
        listen(choice, () => choose(label));
        return choice;
      });
      labels.replaceChildren(...choices);
      show();
    },
  };
}

/**
 * Play, pause, scrub and speed of a film.
 * @param {{ toggle(): void, seek(frame: number): void, speed(factor: number): void }} on
 * @param {AbortSignal} signal
 */
export function filmBar(on, signal) {
  const play = button("▶", say("Play")), words = element("span", "cnnviz-frame");
  const frame = element("input", "cnnviz-scrubber", { type: "range", min: 0, value: 0, "aria-label": say("Frame"), title: say("Frame of the film") });
  const speed = speedList("cnnviz-speed", { "aria-label": say("Speed"), title: say("Speed of the film") });
  play.addEventListener("click", on.toggle, { signal });
  frame.addEventListener("input", () => on.seek(Number(frame.value)), { signal });
  speed.addEventListener("change", () => on.speed(Number(speed.value)), { signal });
  const root = element("div", "cnnviz-row", {}, play, frame, words, speed);
  return {
    root,
    /** @param {import("./tools.js").Film} film */
    show({ frame: at, count, playing }) {
      play.textContent = playing ? "⏸" : "▶";
      play.setAttribute("aria-label", playing ? say("Pause") : say("Play"));
      play.title = playing ? say("Pause the film") : say("Play the film");
      frame.max = String(Math.max(0, count - 1));
      frame.value = String(at);
      words.textContent = say("{number} of {count}", { number: at + 1, count });
    },
  };
}

/**
 * How much of a picture is covered by the one before it.
 * @param {(share: number) => void} change
 * @param {AbortSignal} signal
 */
export function wipeBar(change, signal) {
  const share = element("input", "cnnviz-scrubber", { type: "range", min: 0, max: 1, step: 0.01, title: say("How much of the picture before is over the one after") });
  share.addEventListener("input", () => change(Number(share.value)), { signal });
  return { root: element("div", "cnnviz-row", {}, labelled("cnnviz-tool cnnviz-wide-tool", say("Before"), share), element("span", "cnnviz-tool", {}, say("After"))), show: (/** @type {number} */ value) => (share.value = String(value)) };
}

/**
 * How much of a change is seen, and whether it may change the colors.
 * @param {{ strength(share: number): void, keep(colors: boolean): void }} on
 * @param {AbortSignal} signal
 */
export function blendBar(on, signal) {
  const strength = element("input", "cnnviz-scrubber", { type: "range", min: 0, max: 1, step: 0.01, title: say("0: the picture before; 1: the one after") });
  const keep = element("input", "cnnviz-tick", { type: "checkbox", title: say("Only the luminance is that of the picture after") });
  strength.addEventListener("input", () => on.strength(Number(strength.value)), { signal });
  keep.addEventListener("change", () => on.keep(keep.checked), { signal });
  return {
    root: element("div", "cnnviz-row", {}, labelled("cnnviz-tool cnnviz-wide-tool", say("Strength"), strength), element("label", "cnnviz-tool", {}, keep, say("Keep the colors"))),
    show(/** @type {number} */ share, /** @type {boolean} */ kept) {
      strength.value = String(share);
      keep.checked = kept;
    },
  };
}
