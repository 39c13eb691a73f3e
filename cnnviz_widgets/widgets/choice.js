// The browser's half of Choice: radio buttons, a button that hands in, and the reply.

import { element, keepKeys, observe } from "./js/dom.js";
import { typeset } from "./js/markup.js";
import { say } from "./js/words.js";

let groups = 0; // so that the buttons of each view belong together

function render({ model, el }) {
  const group = `cnnviz-choice-${Date.now()}-${groups++}`;
  const buttons = model.get("answers").map(([name]) => element("input", "", { type: "radio", name: group, value: name }));
  const answers = model.get("answers").map(([name, words], i) => {
    const text = element("span", "", {}, element("strong", "", {}, name), " ", ...typeset(words));
    return element("label", "cnnviz-answer", {}, buttons[i], text);
  });
  const check = element("button", "cnnviz-hand-in", { type: "submit" }, say("Check"));
  const reply = element("p", "cnnviz-reply", { role: "status" });
  const legend = element("legend", "", {}, ...typeset(model.get("question")));
  const root = element("form", "cnnviz-choice", {}, element("fieldset", "", {}, legend, ...answers), check, reply);
  el.append(root);

  const chosen = () => buttons.find((one) => one.checked)?.value;

  function sleep() {
    check.setAttribute("aria-disabled", String(!chosen())); // not "disabled", which would take the focus away
  }

  function show() {
    const verdict = model.get("verdict"), answer = model.get("answer");
    for (const one of buttons) one.checked = one.value === answer;
    reply.replaceChildren(...(verdict ? [element("strong", "", {}, verdict), " ", ...typeset(model.get("reply"))] : []));
    sleep();
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  root.addEventListener("keydown", keepKeys, { signal });
  root.addEventListener("change", () => {
    reply.replaceChildren(); // it was about another answer
    sleep();
  }, { signal });
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!chosen()) return;
    if (chosen() === model.get("answer")) return show();
    model.set("answer", chosen());
    model.save_changes();
  }, { signal });
  const forget = observe(model, { "change:verdict change:reply change:answer": show });
  show();

  return () => {
    cleanup.abort();
    forget();
    root.remove();
  };
}

export default { render };
