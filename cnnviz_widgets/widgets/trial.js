// The browser's half of Trials. The first part is pure and tested with plain node; the second draws and listens.

import { download, element, isForNotebook, observe, plainButton, tell } from "./js/dom.js";
import { say } from "./js/words.js";

const CROSS = 700; // ms that the cross stands at least
const APART = 1000; // ms from one picture to the next at least: never more than three flashes a second
const FINE = 2; // px of the canvas in one of CSS

/** Whether a picture that has stood for so many ms stands for another frame, to come as near as can be to what is asked. */
export const stands = (elapsed, asked, frame) => elapsed + frame / 2 < asked;

/** Whether the next picture may come: after so many ms of the cross, and since the last picture. */
export const rested = (cross, since) => cross >= CROSS && since >= APART;

/** The middle one of some numbers, which is little moved by a frame that was lost. */
export const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** The number of the answer that a key gives, of so many; below 0 for another key. */
export const chosen = (key, count) => (count === 2 && key.startsWith("Arrow") ? ["ArrowLeft", "ArrowRight"].indexOf(key) : /^[1-9]$/.test(key) && key <= count ? key - 1 : -1);

/** An answer with its key, as a button says it. */
export const keyed = (word, at, count, numbered) => (count > 2 || numbered ? `${at + 1}  ${word}` : at ? `${word} →` : `← ${word}`);

/** Where a picture of some size stands in a box: [left, top, width, height]. */
export const fitted = (width, height, wide, high) => {
  const scale = Math.min(wide / width, high / height);
  return [(wide - scale * width) / 2, (high - scale * height) / 2, scale * width, scale * height];
};

// ------------------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const canvas = element("canvas", "cnnviz-trial-picture");
  const stage = element("div", "cnnviz-trial-stage", { tabindex: 0, role: "group" }, canvas);
  const question = element("p", "cnnviz-trial-question");
  const begin = element("button", "cnnviz-plain-button cnnviz-trial-begin", { type: "button" });
  const status = element("p", "cnnviz-trial-status", { role: "status" });
  const table = element("table", "cnnviz-trial-table");
  const note = element("p", "cnnviz-trial-note");
  const row = element("div", "cnnviz-trial-answers");
  const keep = plainButton(say("Download the answers"));
  const side = element("div", "cnnviz-trial-side", {}, question, row, element("div", "cnnviz-trial-answers", {}, begin, keep), status, table, note);
  const root = element("div", "cnnviz-trial", {}, stage, side);
  el.append(root);

  const pen = canvas.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let running = null; // an AbortController, while trials run
  let choose = () => {}; // what a key or a button answers to
  let ending = ""; // how the trials ended, until there are others
  let asked = null; // [question, choices] of the trial, where each has its own

  function draw(picture) {
    const [wide, high] = model.get("stage");
    if (canvas.width !== FINE * wide || canvas.height !== FINE * high) Object.assign(canvas, { width: FINE * wide, height: FINE * high });
    stage.style.flexBasis = `${wide}px`;
    pen.fillStyle = "rgb(128, 128, 128)";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    if (picture) pen.drawImage(picture, ...fitted(picture.width, picture.height, canvas.width, canvas.height));
  }

  function cross() {
    draw();
    if (!model.get("milliseconds")) return;
    pen.fillStyle = "black";
    pen.fillRect(canvas.width / 2 - 20, canvas.height / 2 - 2, 40, 4);
    pen.fillRect(canvas.width / 2 - 2, canvas.height / 2 - 20, 4, 40);
  }

  const frame = () => new Promise((next) => requestAnimationFrame(next)); // what is awaited is still drawn in this frame

  /** The number of the answer, once a key or a button is pressed; never, where the trials are stopped before. */
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

  async function run(serial, trials, questions, pictures, signal) {
    let last = -Infinity;
    for (const [trial, [picture, mask]] of trials.entries()) {
      status.textContent = say("Trial {number} of {count}", { number: trial + 1, count: trials.length });
      asked = questions[trial] ?? null;
      ask();
      const seen = still.matches || !model.get("milliseconds") ? stood(pictures[picture]) : await flashed(pictures[picture], pictures[mask], signal, last);
      const choice = await answered(signal);
      const ms = seen.frames === null ? performance.now() - seen.onset : seen.ms;
      tell(model, { do: "answer", serial, trial, choice, frames: seen.frames, ms });
      last = seen.onset;
    }
    end(say("Done: {n} trials.", { n: trials.length }));
  }

  function end(words) {
    running?.abort();
    running = null;
    choose = () => {};
    ending = words;
    asked = null;
    cross();
    show();
  }

  async function start({ serial, trials, asked: questions }, buffers) {
    if (!running) return;
    const { signal } = running;
    try {
      const pictures = await Promise.all(buffers.map((one) => createImageBitmap(new Blob([one]))));
      if (!signal.aborted) await run(serial, trials, questions, pictures, signal);
    } catch (error) {
      if (!signal.aborted) end(`Failed: ${error}`);
    }
  }

  function press() {
    if (running) return end(say("Stopped."));
    if (!model.get("count")) return;
    running = new AbortController();
    show();
    stage.focus();
    tell(model, { do: "begin" });
  }

  function sleep() {
    for (const button of row.children) button.setAttribute("aria-disabled", String(!running));
    begin.setAttribute("aria-disabled", String(!running && !model.get("count")));
  }

  /** The question, and a button for each answer, which stay where they are. */
  function ask() {
    const [words, choices] = asked ?? [model.get("question"), model.get("choices")], count = choices.length;
    question.textContent = words;
    while (row.children.length > count) row.lastChild.remove();
    while (row.children.length < count) row.append(plainButton("", "", { "data-choice": row.children.length }));
    const labels = choices.map((word, at) => keyed(word, at, count, !model.get("milliseconds")));
    for (const [at, label] of labels.entries()) row.children[at].textContent = label;
    const keys = count === 2 && model.get("milliseconds") ? [say("the left arrow key"), say("the right arrow key")] : choices.map((_, at) => say("key {number}", { number: at + 1 }));
    stage.setAttribute("aria-label", `${words} ${choices.map((word, at) => `${keys[at]}: ${word}`).join(", ")}.`);
    sleep();
  }

  function show() {
    const count = model.get("count");
    begin.textContent = running ? say("Stop the trials") : say("Start the trials");
    keep.hidden = !model.get("file") || Boolean(running);
    const idle = !running && !model.get("milliseconds"); // nothing stands there
    if (idle && stage.matches(":focus")) begin.focus();
    stage.hidden = idle;
    const how = !model.get("milliseconds") ? say("Nothing is told before the end. Answer with a button, or with its key.")
      : still.matches ? say("You have asked for reduced motion: nothing flashes. Every picture stands until you press a key.")
      : say("A picture flashes for about {time} ms, at most one a second; then a pattern stands until you press a key.", { time: model.get("milliseconds") });
    if (!running) status.textContent = ending || (count ? `${say("{n} trials.", { n: count })} ${how}` : model.get("waiting"));
    const [head, ...rows] = model.get("table").map((cells, row) => {
      const made = cells.map((cell, column) => (row && column ? element("td", "", {}, cell) : element("th", "", { scope: row ? "row" : "col" }, cell)));
      return element("tr", "", {}, ...made);
    });
    table.replaceChildren(...(head ? [element("thead", "", {}, head), element("tbody", "", {}, ...rows)] : []));
    note.textContent = model.get("note");
    ask();
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  const listen = (target, type, handler) => target.addEventListener(type, handler, { signal });
  listen(root, "keydown", (event) => {
    if (event.key === "Escape" && running) {
      event.stopPropagation();
      return end(say("Stopped."));
    }
    if (isForNotebook(event)) return;
    event.stopPropagation();
    const choice = chosen(event.key, row.children.length);
    if (choice < 0) return;
    event.preventDefault(); // the page would scroll
    if (!event.repeat) choose(choice);
  });
  listen(row, "click", ({ target }) => target.dataset.choice && (choose(Number(target.dataset.choice)), stage.focus()));
  listen(keep, "click", () => download("answers.json", new Blob([model.get("file")], { type: "application/json" })));
  listen(begin, "click", press);
  listen(still, "change", () => (running ? end(say("Stopped.")) : show()));
  const forget = observe(model, {
    "change:question change:choices change:milliseconds change:waiting change:stage change:count change:table change:note change:file": show,
    "change:loaded": () => end(running ? say("Stopped: there are other pictures now.") : ""),
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
