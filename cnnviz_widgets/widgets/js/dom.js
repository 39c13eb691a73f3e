// @ts-check
// What every widget's browser half is made with.

/**
 * An element with a class, attributes and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className
 * @param {Record<string, unknown>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className = "", attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * A button, which a tooltip explains.
 * @param {string} words
 * @param {string} title
 * @param {Record<string, unknown>} more  attributes
 */
export const plainButton = (words = "", title = "", more = {}) =>
  element("button", "cnnviz-plain-button", { type: "button", ...(title && { title }), ...more }, words);

/**
 * Write only what is not there yet: the page is not laid out anew, and no screen reader says it again.
 * @param {{ textContent: string | null }} to
 * @param {string} text
 */
export function write(to, text) {
  if (to.textContent !== text) to.textContent = text;
}

/**
 * A control with its name before it.
 * @param {string} className
 * @param {string} word
 * @param {HTMLElement} control
 */
export const labelled = (className, word, control) =>
  element("label", className, {}, element("span", "cnnviz-word", {}, word), control);

/**
 * Adds listeners that end with a signal: ``on(target, { type: handler, … })`` returns the target.
 * @param {AbortSignal} signal
 */
export const listening = (signal) => (/** @type {any} */ target, /** @type {Record<string, (event: any) => void>} */ handlers) => {
  for (const [type, handler] of Object.entries(handlers)) target.addEventListener(type, handler, { signal, passive: false });
  return target;
};

/**
 * What stands on a button: a sign, and words that a narrow panel leaves to screen readers and to the tooltip.
 * @param {string} sign
 * @param {string} words
 */
export const signed = (sign, words) => [element("span", "", { "aria-hidden": "true" }, sign), element("span", "cnnviz-spelled", {}, words)];

/**
 * Whether an element stands on a dark page: its words are light then.
 * @param {Element} words
 */
export const isDark = (words) => {
  const [red, green, blue] = (getComputedStyle(words).color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  return red + green + blue > 382;
};

/**
 * Whether a key pressed in a control of ours is for the notebook all the same: its shortcuts, and leaving the control.
 * @param {KeyboardEvent} event
 */
export const isForNotebook = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape" || (event.shiftKey && event.key === "Enter");

/**
 * Keys for a control of ours are not shortcuts of the notebook: an arrow would go to the next cell, D D delete it.
 * @param {KeyboardEvent} event
 */
export function keepKeys(event) {
  if (!isForNotebook(event)) event.stopPropagation();
}

/**
 * Let the user keep a file.
 * @param {string} name
 * @param {Blob} blob
 */
export function download(name, blob) {
  const link = element("a", "", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Put a text on the clipboard; where that is not allowed, select it to be copied by hand.
 * @param {string} text
 * @param {Node} source  the element that shows the text
 */
export async function copy(text, source) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection()?.selectAllChildren(source);
    return document.execCommand("copy");
  }
  return true;
}

/**
 * Let an observer see elements until a signal ends it.
 * @param {ResizeObserver | IntersectionObserver} observer
 * @param {AbortSignal} signal
 * @param {...Element} seen
 */
export function watch(observer, signal, ...seen) {
  for (const one of seen) observer.observe(one);
  signal.addEventListener("abort", () => observer.disconnect());
}

/**
 * Listen to a model: event names, several to a key, and what is done. Returns what ends it; a signal does it, too.
 * @param {Model} model
 * @param {Record<string, Function>} handlers
 * @param {AbortSignal} [signal]
 */
export function observe(model, handlers, signal) {
  const each = (/** @type {"on" | "off"} */ change) => {
    for (const [names, handler] of Object.entries(handlers)) for (const name of names.split(" ")) model[change](name, handler);
  };
  const end = () => each("off");
  each("on");
  signal?.addEventListener("abort", end);
  return end;
}

/**
 * Send a message to Python. A picture from a saved notebook has no kernel to tell.
 * @param {Model} model
 * @param {object} message
 * @param {ArrayBuffer[]} [buffers]
 */
export function tell(model, message, buffers) {
  try {
    model.send(message, undefined, buffers);
  } catch {
    // nobody hears it
  }
}

/** @typedef {{ get(name: string): any, set(name: string, value: any): void, save_changes(): void, send(message: object, callbacks?: any, buffers?: ArrayBuffer[]): void, on(name: string, handler: any): void, off(name: string, handler: any): void, widget_manager?: any }} Model */
