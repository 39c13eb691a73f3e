// The browser's half of Tags.

import { element, isForNotebook } from "./js/dom.js";
import { say } from "./js/words.js";

let fields = 0; // so that each field has a list of its own

function render({ model, el }) {
  const id = `cnnviz-tags-${Date.now()}-${fields++}`;
  const list = element("datalist", "", { id });
  const field = element("input", "cnnviz-tag-field", { type: "text", list: id, "aria-label": model.get("description"), title: model.get("tooltip") });
  const chips = element("span", "cnnviz-chips");
  const root = element("div", "cnnviz-tags", {}, element("span", "cnnviz-tags-label", { title: model.get("tooltip") }, model.get("description")), chips, field, list);
  el.append(root);

  function give(names) {
    model.set("names", names);
    model.save_changes();
  }

  function show() {
    const names = model.get("names");
    chips.replaceChildren(...names.map((name, i) => {
      const away = element("button", "cnnviz-tag-away", { type: "button", "aria-label": say("Take {name} away", { name }) }, "×");
      away.addEventListener("click", () => {
        give(names.filter((_, other) => other !== i));
        field.focus();
      });
      return element("span", "cnnviz-tag", {}, name, away);
    }));
    field.hidden = names.length >= model.get("most");
    field.placeholder = names.length ? say("and …") : model.get("placeholder");
  }

  const complete = () => list.replaceChildren(...model.get("options").map((name) => new Option(name, name)));

  function add() {
    const name = field.value.trim();
    field.value = "";
    if (name && !model.get("names").includes(name)) give([...model.get("names"), name]);
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  field.addEventListener("change", add, { signal }); // Enter, an entry of the list, or another field
  root.addEventListener("keydown", (event) => {
    if (isForNotebook(event)) return;
    event.stopPropagation();
    if (event.key === "Backspace" && event.target === field && !field.value) give(model.get("names").slice(0, -1));
  }, { signal });
  model.on("change:names change:most change:placeholder", show);
  model.on("change:options", complete);
  complete();
  show();

  return () => {
    cleanup.abort();
    model.off("change:names change:most change:placeholder", show);
    model.off("change:options", complete);
    root.remove();
  };
}

export default { render };
