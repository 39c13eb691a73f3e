// The browser's half of Trials. The first part is pure and tested with plain node; the second draws and listens.

import { element, isForNotebook, observe, tell } from "./js/dom.js";

const CROSS = 700; // ms that the cross stands at least
const APART = 1000; // ms from one picture to the next at least: never more than three flashes a second
const SIDE = 320; // CSS px of the stage

/** Whether a picture that has stood for so many ms stands for another frame, to come as near as can be to what is asked. */
export const stands = (elapsed, asked, frame) => elapsed + frame / 2 < asked;

/** Whether the next picture may come: after so many ms of the cross, and since the last picture. */
export const rested = (cross, since) => cross >= CROSS && since >= APART;

/** The middle one of some numbers, which is little moved by a frame that was lost. */
export const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

// ------------------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const canvas = element("canvas", "cnnviz-trial-picture", { width: SIDE, height: SIDE });
  const stage = element("div", "cnnviz-trial-stage", { tabindex: 0, role: "group" }, canvas);
  const question = element("p", "cnnviz-trial-question");
  const answers = [0, 1].map((choice) => element("button", "cnnviz-plain-button", { type: "button", "data-choice": choice }));
  const begin = element("button", "cnnviz-plain-button cnnviz-trial-begin", { type: "button" });
  const status = element("p", "cnnviz-trial-status", { role: "status" });
  const table = element("table", "cnnviz-trial-table");
  const note = element("p", "cnnviz-trial-note");
  const row = element("div", "cnnviz-trial-answers", {}, ...answers);
  const side = element("div", "cnnviz-trial-side", {}, question, row, element("div", "", {}, begin), status, table, note);
  const root = element("div", "cnnviz-trial", {}, stage, side);
  el.append(root);

  const pen = canvas.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let running = null; // an AbortController, while trials run
  let choose = () => {}; // what a key or a button answers to
  let ending = ""; // how the trials ended, until there are others

  function draw(picture) {
    pen.fillStyle = "rgb(128, 128, 128)";
    pen.fillRect(0, 0, SIDE, SIDE);
    if (picture) pen.drawImage(picture, 0, 0, SIDE, SIDE);
  }

  function cross() {
    draw();
    pen.fillStyle = "black";
    pen.fillRect(SIDE / 2 - 10, SIDE / 2 - 1, 20, 2);
    pen.fillRect(SIDE / 2 - 1, SIDE / 2 - 10, 2, 20);
  }

  const frame = () => new Promise((next) => requestAnimationFrame(next)); // what is awaited is still drawn in this frame

  /** 0 or 1, once a key or a button is pressed; never, where the trials are stopped before. */
  const answered = (signal) => new Promise((done, failed) => {
    signal.addEventListener("abort", failed, { once: true });
    choose = (choice) => ((choose = () => {}), done(choice));
    sleep();
  });

  /** A cross, the picture for some frames, and its mask: { frames, ms, onset } of the picture. */
  async function flashed(picture, mask, signal, last) {
    cross();
    const began = await frame(), lengths = [];
    let now = began;
    while (!rested(now - began, now - last)) {
      const next = await frame();
      lengths.push(next - now);
      now = next;
      if (signal.aborted) throw signal.reason;
    }
    const asked = model.get("milliseconds"), length = median(lengths), onset = now;
    draw(picture);
    let frames = 0;
    do {
      now = await frame();
      frames++;
    } while (stands(now - onset, asked, length));
    draw(mask);
    return { frames, ms: now - onset, onset };
  }

  /** The same without a flash: the picture stays. */
  function stood(picture) {
    draw(picture);
    return { frames: null, ms: 0, onset: performance.now() };
  }

  async function run(serial, trials, pictures, signal) {
    let last = -Infinity;
    for (const [trial, [picture, mask]] of trials.entries()) {
      status.textContent = `Trial ${trial + 1} of ${trials.length}`;
      const seen = still.matches ? stood(pictures[picture]) : await flashed(pictures[picture], pictures[mask], signal, last);
      const choice = await answered(signal);
      const ms = seen.frames === null ? performance.now() - seen.onset : seen.ms;
      tell(model, { do: "answer", serial, trial, choice, frames: seen.frames, ms });
      last = seen.onset;
    }
    end(`Done: ${trials.length} trials.`);
  }

  function end(words) {
    running?.abort();
    running = null;
    choose = () => {};
    ending = words;
    cross();
    show();
  }

  async function start({ serial, trials }, buffers) {
    if (!running) return;
    const { signal } = running;
    try {
      const pictures = await Promise.all(buffers.map((one) => createImageBitmap(new Blob([one]))));
      if (!signal.aborted) await run(serial, trials, pictures, signal);
    } catch (error) {
      if (!signal.aborted) end(`Failed: ${error}`);
    }
  }

  function press() {
    if (running) return end("Stopped.");
    if (!model.get("count")) return;
    running = new AbortController();
    show();
    stage.focus();
    tell(model, { do: "begin" });
  }

  function sleep() {
    for (const button of answers) button.setAttribute("aria-disabled", String(!running));
    begin.setAttribute("aria-disabled", String(!running && !model.get("count")));
  }

  function show() {
    const count = model.get("count"), [left, right] = model.get("choices");
    question.textContent = model.get("question");
    answers[0].textContent = `← ${left}`;
    answers[1].textContent = `${right} →`;
    begin.textContent = running ? "Stop the trials" : "Start the trials";
    stage.setAttribute("aria-label", `${model.get("question")} The left arrow key answers ${left}, the right one ${right}.`);
    const how = still.matches
      ? "You have asked for reduced motion: nothing flashes. Every picture stands until you press a key."
      : `A picture flashes for about ${model.get("milliseconds")} ms, at most one a second; then a pattern stands until you press a key.`;
    if (!running) status.textContent = ending || (count ? `${count} trials. ${how}` : model.get("waiting"));
    const [head, ...rows] = model.get("table").map((cells, row) => {
      const made = cells.map((cell, column) => (row && column ? element("td", "", {}, cell) : element("th", "", { scope: row ? "row" : "col" }, cell)));
      return element("tr", "", {}, ...made);
    });
    table.replaceChildren(...(head ? [element("thead", "", {}, head), element("tbody", "", {}, ...rows)] : []));
    note.textContent = model.get("note");
    sleep();
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  const listen = (target, type, handler) => target.addEventListener(type, handler, { signal });
  listen(root, "keydown", (event) => {
    if (event.key === "Escape" && running) {
      event.stopPropagation();
      return end("Stopped.");
    }
    if (isForNotebook(event)) return;
    event.stopPropagation();
    const choice = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
    if (choice < 0) return;
    event.preventDefault(); // the page would scroll
    if (!event.repeat) choose(choice);
  });
  for (const [choice, button] of answers.entries()) listen(button, "click", () => (choose(choice), stage.focus()));
  listen(begin, "click", press);
  listen(still, "change", () => (running ? end("Stopped.") : show()));
  const forget = observe(model, {
    "change:question change:choices change:milliseconds change:waiting change:count change:table change:note": show,
    "change:loaded": () => end(running ? "Stopped: there are other pictures now." : ""),
    "msg:custom": (message, buffers) => message.do === "pictures" && start(message, buffers),
  });
  cross();
  show();

  return () => {
    running?.abort();
    cleanup.abort();
    forget();
    root.remove();
  };
}

export default { render };
