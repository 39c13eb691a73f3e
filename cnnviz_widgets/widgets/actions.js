// The browser's half of Actions: a row of buttons, and the files with which their presses are answered.

import { download, keepKeys } from "./js/dom.js";

function render({ model, el }) {
  const cleanup = new AbortController(), { signal } = cleanup;
  const root = document.createElement("div");
  root.className = "cnnviz-run-bar cnnviz-run-row"; // the look of the buttons under it
  let asked = false; // in this view: a file is saved only once, however many views there are
  const press = (name) => {
    if (model.get("asleep").includes(name)) return;
    asked = true;
    model.send({ do: name });
  };
  const buttons = model.get("_buttons").map(([name, label, title]) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "cnnviz-action", textContent: label, title });
    button.addEventListener("click", () => press(name), { signal });
    root.append(button);
    return [name, button];
  });
  el.append(root);
  root.addEventListener("keydown", keepKeys, { signal });

  function show() {
    const asleep = model.get("asleep"); // not "disabled", which would take the focus away
    for (const [name, button] of buttons) button.setAttribute("aria-disabled", asleep.includes(name));
  }

  const write = () => model.get("_buttons").forEach(([, label], at) => (buttons[at][1].textContent = label));

  const receive = ({ do: what, name, kind }, [content]) => {
    if (what === "file" && asked) download(name, new Blob([content], { type: kind }));
    asked = false;
  };
  model.on("change:asleep", show);
  model.on("change:_buttons", write);
  model.on("msg:custom", receive);
  show();

  return () => {
    cleanup.abort();
    model.off("change:asleep", show);
    model.off("change:_buttons", write);
    model.off("msg:custom", receive);
    root.remove();
  };
}

export default { render };
