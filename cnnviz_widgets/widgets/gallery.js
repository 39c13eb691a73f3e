// The browser's half of Gallery. The first part is pure and tested with plain node; the second draws and listens.

import { element, isForNotebook, observe } from "./js/dom.js";
import { say } from "./js/words.js";

let galleries = 0; // so that the headings of each have ids of their own

/** Whether a card has every word of what was typed, somewhere and in any case. */
export function matches(card, typed) {
  const text = [card.title, card.line, card.group, card.note, card.words].join(" ").toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** Where a key leads among boxes { left, top }, in reading order: to the next, or to the nearest one a row away. */
export function step(at, key, boxes) {
  switch (key) {
    case "ArrowLeft": return Math.max(0, at - 1);
    case "ArrowRight": return Math.min(boxes.length - 1, at + 1);
    case "Home": return 0;
    case "End": return boxes.length - 1;
    case "ArrowUp":
    case "ArrowDown": {
      const way = key === "ArrowUp" ? -1 : 1;
      const beyond = boxes.map((box, number) => ({ ...box, number })).filter((box) => way * (box.top - boxes[at].top) > 0);
      const away = (box) => [way * box.top, Math.abs(box.left - boxes[at].left)];
      beyond.sort((a, b) => away(a)[0] - away(b)[0] || away(a)[1] - away(b)[1]);
      return beyond[0]?.number ?? at;
    }
    default: return null;
  }
}

// ------------------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const cards = model.get("cards"), names = cards.map((card) => card.name), id = `cnnviz-gallery-${Date.now()}-${galleries++}`;
  const addresses = [];
  const buttons = cards.map(cardButton);
  const groups = [...new Set(cards.map((card) => card.group))].map((group, number) => {
    const heading = element("h4", "cnnviz-group-title", { id: `${id}-${number}` }, group);
    const shelf = element("div", "cnnviz-shelf", {}, ...buttons.filter((_, at) => cards[at].group === group));
    return element("div", "cnnviz-group", { role: "group", "aria-labelledby": heading.id }, heading, shelf);
  });
  const field = element("input", "cnnviz-search", { type: "search", placeholder: say("Search by name, word or paper"), "aria-label": say("Search {what}", { what: model.get("label") }) });
  const nothing = element("div", "cnnviz-nothing", { role: "status" });
  const page = element("div", "cnnviz-cards", {}, field, nothing, element("div", "cnnviz-groups", {}, ...groups));

  const back = element("button", "cnnviz-action", { type: "button" }, say("← All {what}", { what: model.get("label") }));
  const title = element("span", "cnnviz-open-title"), note = element("span", "cnnviz-open-note");
  const before = element("button", "cnnviz-action", { type: "button" }), after = element("button", "cnnviz-action", { type: "button" });
  const line = element("div", "cnnviz-open", { role: "navigation", "aria-label": model.get("label") }, back, title, note, before, after);
  const error = element("div", "cnnviz-error", { role: "alert" });
  el.classList.add("cnnviz-gallery");
  el.append(line, page, error);

  function cardButton({ title, line, note, picture }) {
    const face = picture?.byteLength ? element("img", "cnnviz-face", { alt: "", src: address(picture) }) : element("span", "cnnviz-face", { "aria-hidden": "true" }, title[0]);
    const words = element("span", "cnnviz-card-words", {}, element("b", "", {}, title), element("span", "cnnviz-card-line", {}, line), element("span", "cnnviz-card-note", {}, note));
    return element("button", "cnnviz-card", { type: "button", title: line }, face, words);
  }

  function address(picture) {
    addresses.push(URL.createObjectURL(new Blob([picture], { type: "image/webp" })));
    return addresses.at(-1);
  }

  const visible = () => buttons.filter((button) => !button.hidden);
  let at = 0; // the card that Tab leads to

  function lead(number) {
    at = number;
    for (const [other, button] of buttons.entries()) button.tabIndex = other === at ? 0 : -1;
  }

  function search() {
    for (const [number, button] of buttons.entries()) button.hidden = !matches(cards[number], field.value);
    for (const group of groups) group.hidden = !group.querySelector(".cnnviz-card:not([hidden])");
    if (buttons[at].hidden && visible().length) lead(buttons.indexOf(visible()[0]));
    nothing.textContent = visible().length ? "" : say("Nothing is called “{name}”.", { name: field.value });
  }

  function show() {
    const open = names.indexOf(model.get("opened")), count = names.length;
    page.hidden = open >= 0;
    line.hidden = open < 0;
    if (open >= 0) {
      lead(open);
      title.textContent = cards[open].title;
      note.textContent = cards[open].note;
      before.textContent = `‹ ${cards[(open + count - 1) % count].title}`;
      after.textContent = `${cards[(open + 1) % count].title} ›`;
    }
    error.hidden = !model.get("error");
    error.textContent = model.get("error");
  }

  function open(name) {
    model.set("opened", name);
    model.save_changes();
  }

  const turn = (by) => open(names[(names.indexOf(model.get("opened")) + by + names.length) % names.length]);
  function goBack() {
    open("");
    buttons[at].focus();
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  const pressed = (target, handler) => target.addEventListener("click", handler, { signal });
  for (const [number, button] of buttons.entries()) {
    pressed(button, () => {
      open(names[number]);
      back.focus();
    });
  }
  pressed(back, goBack);
  pressed(before, () => turn(-1));
  pressed(after, () => turn(1));
  field.addEventListener("input", search, { signal });
  el.addEventListener("keydown", (event) => {
    const leaves = event.key === "Escape" && (!line.hidden || field.value); // else it is for the notebook
    if (!leaves && isForNotebook(event)) return;
    event.stopPropagation();
    if (leaves && !line.hidden) return goBack();
    if (leaves) {
      field.value = "";
      return search();
    }
    const shown = visible(), from = shown.indexOf(event.target);
    const next = event.target === field ? (event.key === "ArrowDown" && shown.length ? 0 : null)
      : from < 0 ? null : step(from, event.key, shown.map((button) => button.getBoundingClientRect()));
    if (next === null) return;
    lead(buttons.indexOf(shown[next]));
    shown[next].focus();
    event.preventDefault();
  }, { signal });
  const forget = observe(model, { "change:opened change:error": show });
  lead(0);
  show();

  return () => {
    cleanup.abort();
    forget();
    addresses.forEach(URL.revokeObjectURL);
    el.replaceChildren();
  };
}

export default { render };
