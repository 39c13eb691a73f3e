// The browser's half of RunBar. The first part is pure and tested with plain node; the second draws and listens.

import { copy, element, keepKeys, write } from "./js/dom.js";
import { say } from "./js/words.js";

const LATE = 500; // ms of running before it is shown: shorter work only flickers

const WORDS = {
  idle: say("Ready"),
  running: say("Working …"),
  stopping: say("Stopping …"),
  done: say("Done"),
  stopped: say("Stopped (showing the last step)"),
  failed: say("Failed"),
};

/** The words for a state; work that has only just begun keeps the words from before. */
export function status(state, message, late, before) {
  if (state === "running" && !late) return before;
  return message || WORDS[state];
}

/** How far it is, "45% · about 12 s left"; progress 0…1, remaining in seconds or null. */
export function timing(progress, remaining) {
  const share = `${Math.floor(progress * 100)}%`;
  return remaining === null ? share : say("{share} · about {time} left", { share, time: duration(remaining) });
}

/** Seconds in words: "3 s", "2 min", "1 h 5 min". */
export function duration(seconds) {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole < 100) return say("{time} s", { time: whole });
  const minutes = Math.ceil(whole / 60);
  return minutes < 100 ? say("{time} min", { time: minutes }) : say("{hours} h {time} min", { hours: Math.floor(minutes / 60), time: minutes % 60 });
}

// ------------------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const button = (text, title) => element("button", "cnnviz-action", { type: "button", title }, text);
  const stop = button(say("Stop"), say("Stop, and keep what was reached"));
  const pin = button(say("Pin"), say("Keep what is shown beside what comes next"));
  const reset = button(say("Reset"), say("Put every control back to where it was"));
  const settingsButton = button(say("Settings"), say("More controls, below"));
  const codeButton = button(say("Code"), say("The call that draws what is shown, ready to paste"));
  const copyButton = button(say("Copy"), say("Copy the code"));
  const filled = element("div", "cnnviz-filled");
  const bar = element("div", "cnnviz-progress", { role: "progressbar", "aria-label": say("Progress"), "aria-valuemin": 0, "aria-valuemax": 100 }, filled);
  const words = element("span", "cnnviz-status", { role: "status" });
  const times = element("span", "cnnviz-times");
  const row = element("div", "cnnviz-run-row", {}, words, times, stop, pin, reset, settingsButton, codeButton);
  const note = element("div", "cnnviz-note");
  const sentence = element("div", "cnnviz-sentence");
  const traceback = element("pre", "cnnviz-pre", { tabindex: "0" });
  const details = element("details", "cnnviz-details", {}, element("summary", "", {}, say("Details")), traceback);
  const error = element("div", "cnnviz-error", { role: "alert" }, sentence, details);
  const listing = element("pre", "cnnviz-pre", { tabindex: "0", "aria-label": say("Code") });
  const code = element("div", "cnnviz-code", {}, listing, copyButton);
  const said = element("div", "cnnviz-said", {}, note, error);
  const root = element("div", "cnnviz-run-bar", {}, bar, row, said, code);
  el.classList.add("cnnviz-run");
  el.append(root);

  let late = false;
  let timer = 0;
  let before = status(model.get("state") === "running" ? "idle" : model.get("state"), model.get("message"), true, "");

  function show() {
    const [state, progress] = [model.get("state"), model.get("progress")];
    const working = state === "running" || state === "stopping";
    if (working) timer ||= setTimeout(() => ((late = true), show()), LATE);
    else {
      clearTimeout(timer);
      [timer, late] = [0, false];
    }
    before = status(state, model.get("message"), late, before);
    root.dataset.state = state;
    words.textContent = words.title = before;
    times.textContent = working && late && progress > 0 ? timing(progress, model.get("remaining")) : "";
    bar.classList.toggle("cnnviz-asleep", !(working && late));
    bar.setAttribute("aria-valuenow", Math.round(progress * 100));
    filled.style.width = `${progress * 100}%`;
    stop.setAttribute("aria-disabled", state !== "running"); // not "disabled", which would take the focus away
    pin.setAttribute("aria-pressed", model.get("pinned"));
    note.textContent = model.get("note");
    error.hidden = !model.get("error");
    write(sentence, model.get("error"));
    traceback.textContent = model.get("details");
    details.hidden = !traceback.textContent;
    settingsButton.hidden = !model.get("settings");
    settingsButton.setAttribute("aria-expanded", model.get("settings_shown"));
    el.classList.toggle("cnnviz-settings-shown", model.get("settings_shown")); // the style sheet shows what comes next
    listing.textContent = model.get("code");
    code.hidden = !model.get("code_shown");
    codeButton.setAttribute("aria-expanded", model.get("code_shown"));
  }

  const cleanup = new AbortController();
  const pressed = (target, handler) => target.addEventListener("click", handler, { signal: cleanup.signal });
  pressed(stop, () => model.get("state") === "running" && model.send({ do: "stop" }));
  pressed(pin, () => model.send({ do: "pin" }));
  pressed(reset, () => model.send({ do: "reset" }));
  for (const [target, name] of [[settingsButton, "settings"], [codeButton, "code"]]) {
    pressed(target, () => {
      const shown = !model.get(`${name}_shown`);
      model.set(`${name}_shown`, shown); // at once; Python follows
      model.send({ do: name, shown });
    });
  }
  pressed(copyButton, async () => {
    copyButton.textContent = (await copy(listing.textContent, listing)) ? say("Copied") : say("Press Ctrl+C");
    setTimeout(() => (copyButton.textContent = say("Copy")), 1500);
  });

  root.addEventListener("keydown", keepKeys, { signal: cleanup.signal });

  const names = ["state", "progress", "remaining", "message", "note", "error", "details", "settings", "settings_shown", "pinned", "code", "code_shown"];
  for (const name of names) model.on(`change:${name}`, show);
  show();

  return () => {
    cleanup.abort();
    clearTimeout(timer);
    for (const name of names) model.off(`change:${name}`, show);
    root.remove();
  };
}

export default { render };
