// The browser's half of LiveText.

import { element, keepKeys, tell } from "./js/dom.js";
import { typeset } from "./js/markup.js";

/** Blocks with those that follow each other in a list brought together: ["p", block] or ["ul", block, …]. */
export function gathered(blocks) {
  const made = [];
  for (const [kind, parts] of blocks) {
    if (kind === "li" && made.at(-1)?.[0] === "ul") made.at(-1).push(parts);
    else made.push([kind === "li" ? "ul" : "p", parts]);
  }
  return made;
}

function render({ model, el }) {
  const cleanup = new AbortController(), { signal } = cleanup;
  const where = model.get("where");

  function frame(target, on) {
    for (const one of document.querySelectorAll(`.${where} .${target}`)) one.classList.toggle("cnnviz-pointed", on);
  }

  function go(target) {
    const control = document.querySelector(`.${where} .${target}`);
    const fold = control?.closest(".cnnviz-settings");
    if (fold && !fold.checkVisibility()) fold.previousElementSibling?.querySelector("[aria-expanded]")?.click(); // Settings
    control?.scrollIntoView({ block: "nearest" });
    control?.querySelector("input, select, button, [tabindex='0']")?.focus();
  }

  function part([words, does, target, tooltip]) {
    if (does === "link") return element("a", "", { href: target }, ...typeset(words));
    if (!does) return element("span", "", {}, ...typeset(words));
    const button = element("button", `cnnviz-${does}`, { type: "button", title: tooltip }, ...typeset(words));
    if (does === "press") button.addEventListener("click", () => tell(model, { press: Number(target) }), { signal });
    else {
      for (const [type, on] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) {
        button.addEventListener(type, () => frame(target, on), { signal });
      }
      button.addEventListener("click", () => go(target), { signal });
    }
    return button;
  }

  const root = element("div", "cnnviz-prose", {}, ...gathered(model.get("blocks")).map(([kind, ...blocks]) => {
    const inner = blocks.map((parts) => element(kind === "ul" ? "li" : "span", "", {}, ...parts.map(part)));
    return element(kind, "", {}, ...inner);
  }));
  root.addEventListener("keydown", keepKeys, { signal });
  el.append(root);

  return () => {
    cleanup.abort();
    root.remove();
  };
}

export default { render };
