// The browser's half of PanelHead. ipywidgets names only some of its controls; the others are named here, in the page.

import { element } from "./js/dom.js";
import { say } from "./js/words.js";

let heads = 0; // so that each has an id of its own

/** Name every control below a box that has no accessible name. */
export function nameControls(box) {
  for (const control of box.querySelectorAll(".widget-slider, .widget-toggle-buttons")) {
    const name = control.querySelector(":scope > .widget-label")?.textContent.trim();
    if (!name) continue;
    for (const handle of control.querySelectorAll(".noUi-handle:not([aria-label])")) handle.setAttribute("aria-label", name);
    const [handle, other] = control.querySelectorAll(".noUi-handle"), shown = control.querySelector(".widget-readout")?.textContent;
    if (handle && !other && shown && handle.getAttribute("aria-valuetext") !== shown) handle.setAttribute("aria-valuetext", shown); // else it is an index or an exponent
    for (const readout of control.querySelectorAll(".widget-readout[contenteditable]:not([aria-label])")) {
      readout.setAttribute("role", "textbox");
      readout.setAttribute("aria-label", say("{name}, as a number", { name }));
    }
    if (control.matches(".widget-toggle-buttons")) {
      control.setAttribute("role", "group");
      control.setAttribute("aria-label", name);
    }
  }
  for (const button of box.querySelectorAll(".widget-toggle-buttons button")) {
    const pressed = String(button.classList.contains("mod-active"));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
  for (const untold of box.querySelectorAll('[title="null"]')) untold.removeAttribute("title");
}

function render({ model, el }) {
  const heading = element("h3", "cnnviz-panel-title", { id: `cnnviz-head-${Date.now()}-${heads++}` }, model.get("title"));
  el.classList.add("cnnviz-panel-head");
  el.append(heading);

  let frame = 0;
  const observer = new MutationObserver(() => (frame ||= requestAnimationFrame(name)));
  function name() { // a view is put into its box only after it was drawn, and ipywidgets draws some controls later still
    frame = 0;
    const box = el.parentElement;
    if (!box) return void (frame = requestAnimationFrame(name));
    box.setAttribute("role", "region");
    box.setAttribute("aria-labelledby", heading.id);
    nameControls(box);
    observer.observe(box, { childList: true, subtree: true, attributeFilter: ["class", "aria-valuetext"] });
  }
  name();

  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    heading.remove();
  };
}

export default { render };
