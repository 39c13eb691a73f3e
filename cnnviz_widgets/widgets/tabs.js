// The browser's half of Tabs. The first part is pure and tested with plain node; the second draws and listens.

import { isForNotebook } from "./js/dom.js";

/** Where a key leads from a tab, around the ends; null if it leads nowhere. */
export function step(at, key, count) {
  switch (key) {
    case "ArrowLeft": return (at + count - 1) % count;
    case "ArrowRight": return (at + 1) % count;
    case "Home": return 0;
    case "End": return count - 1;
    default: return null;
  }
}

// ------------------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const row = document.createElement("div");
  row.className = "cnnviz-tabs";
  row.setAttribute("role", "tablist");
  row.setAttribute("aria-label", model.get("label"));
  const tabs = model.get("titles").map((title) => {
    const tab = document.createElement("button");
    tab.className = "cnnviz-tab";
    tab.type = "button";
    tab.textContent = title;
    tab.setAttribute("role", "tab");
    return tab;
  });
  row.append(...tabs);
  el.append(row);

  function show() {
    for (const [number, tab] of tabs.entries()) {
      const selected = number === model.get("selected");
      tab.setAttribute("aria-selected", selected);
      tab.tabIndex = selected ? 0 : -1;
    }
  }

  function select(number) {
    model.set("selected", number);
    model.save_changes();
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  for (const [number, tab] of tabs.entries()) tab.addEventListener("click", () => select(number), { signal });
  row.addEventListener("keydown", (event) => {
    if (isForNotebook(event)) return;
    event.stopPropagation();
    const next = step(tabs.indexOf(event.target), event.key, tabs.length);
    if (next === null) return;
    select(next);
    tabs[next].focus();
    event.preventDefault();
  }, { signal });
  model.on("change:selected", show);
  show();

  return () => {
    cleanup.abort();
    model.off("change:selected", show);
    row.remove();
  };
}

export default { render };
