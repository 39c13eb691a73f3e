// @ts-check
// The browser's half of Camera: a stream that begins, pauses out of sight, and ends with the view.

import { element, keepKeys, observe, plainButton, tell, watch, write } from "./js/dom.js";
import { say } from "./js/words.js";

/** @typedef {import("./js/dom.js").Model} Model */

const LIVE = 224; // px of the longer side of a picture that a session follows: more than most networks see
const QUALITY = 0.85; // of the JPEG
const PATIENCE = 4000; // ms after which a frame that was not answered counts as answered: the kernel may be new
const COUNTED = 2000; // ms over which frames a second are counted

/** What is said in each state. @type {Record<string, string>} */
export const SENTENCES = {
  off: "",
  asked: say("The browser asks whether this page may use the camera."),
  on: "",
  hidden: say("Paused while it is out of sight."),
  refused: say("The camera was refused. Allow it beside the page's address, then try again."),
  missing: say("No camera was found."),
  busy: say("The camera is used by another program."),
  insecure: say("Browsers give the camera only to pages on https or on localhost."),
  failed: say("The camera does not start."),
};

/** The state that an error of getUserMedia means. @param {string} name @returns {string} */
export function refusal(name) {
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return name === "NotReadableError" ? "busy" : "failed";
}

/** [width, height] with a longer side of `size` px; nothing is enlarged. */
export function scaled(width, height, size) {
  const scale = Math.min(1, size / Math.max(width, height));
  return [width, height].map((side) => Math.max(1, Math.round(side * scale)));
}

/** One frame is under way at a time, and the frames that were answered are counted. */
export class Flow {
  constructor() {
    this.sent = -Infinity; // when the frame under way was sent, ms; -Infinity = there is none
    /** @type {number[]} */ this.answers = [];
  }

  /** @param {number} now */
  ready(now) {
    return now - this.sent > PATIENCE;
  }

  begin(now) {
    this.sent = now;
  }

  answered(now) {
    this.sent = -Infinity;
    this.answers = [...this.answers.filter((then) => now - then < COUNTED), now];
  }

  /** Frames a second, lately. */
  rate(now) {
    const counted = this.answers.filter((then) => now - then < COUNTED);
    return counted.length < 2 ? 0 : ((counted.length - 1) * 1000) / (counted[counted.length - 1] - counted[0]);
  }
}

/** A camera's stream in a video element. */
class Source {
  /** @param {HTMLVideoElement} video @param {(state: string) => void} tell */
  constructor(video, tell) {
    this.video = video;
    this.tell = tell;
    /** @type {MediaStream | null} */ this.stream = null;
    this.turn = 0; // counts starts and stops: permission may come after the view is gone
    this.canvas = document.createElement("canvas");
  }

  async start() {
    const turn = ++this.turn;
    if (!navigator.mediaDevices?.getUserMedia) return this.tell("insecure");
    this.tell("asked");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, facingMode: "user" }, audio: false });
      if (turn !== this.turn) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
      stream.getVideoTracks()[0].addEventListener("ended", () => this.end("missing")); // it was unplugged
      this.video.srcObject = stream;
      await this.video.play();
      if (turn === this.turn) this.tell("on");
    } catch (error) {
      if (turn === this.turn) this.end(refusal(/** @type {Error} */ (error).name));
    }
  }

  /** @param {string} state  that it ends in */
  end(state = "off") {
    this.turn++;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.video.srcObject = null;
    this.tell(state);
  }

  /** A JPEG file of what is seen now. @param {number} size @returns {ArrayBuffer} */
  picture(size) {
    const { video, canvas } = this;
    [canvas.width, canvas.height] = scaled(video.videoWidth, video.videoHeight, size);
    canvas.getContext("2d", { alpha: false, willReadFrequently: true })?.drawImage(video, 0, 0, canvas.width, canvas.height);
    // Not toBlob: that waits until the page is idle, and it draws what came of the picture before.
    const [, file] = canvas.toDataURL("image/jpeg", QUALITY).split(",");
    return Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)).buffer;
  }
}

/** What both kinds have: a video, a line that says how it is, and a state. */
function camera(/** @type {Model} */ model, /** @type {(state: string) => void} */ changed) {
  const video = element("video", "cnnviz-camera-video", { muted: "", playsinline: "", "aria-label": say("What the camera sees") });
  video.muted = true;
  const status = element("span", "cnnviz-camera-status", { role: "status" });
  let state = "off";
  const become = (/** @type {string} */ next) => {
    if (next === state) return;
    state = next;
    status.textContent = SENTENCES[state];
    tell(model, { do: "state", state });
    changed(state);
  };
  return { video, status, become, source: new Source(video, become), is: (/** @type {string[]} */ ...states) => states.includes(state) };
}

/**
 * Sends what a camera sees, one picture at a time, while it is on, in sight, and wanted. Returns what looks whether it
 * is time for the next one.
 * @param {Model} model
 * @param {ReturnType<typeof camera>} camera
 * @param {HTMLElement} el  that is in sight, or not, as the followers are
 * @param {HTMLElement} rate  where frames a second are said
 * @param {AbortSignal} signal
 * @param {{ message: object, size(): number, wanted?: () => boolean }} how
 */
function frames(model, { source, is, become }, el, rate, signal, { message, size, wanted = () => true }) {
  const flow = new Flow(), now = () => performance.now(), ready = () => is("on") && wanted();
  /** @type {Set<Element>} */ const inSight = new Set();

  function next() {
    for (const one of document.getElementsByClassName(model.get("followers"))) sight.observe(one); // there may be new ones
    if (!ready() || !flow.ready(now())) return;
    flow.begin(now());
    tell(model, message, [source.picture(size())]);
  }
  const look = () => {
    const seen = inSight.size > 0 && document.visibilityState === "visible";
    if (source.stream && is("on", "hidden")) become(seen || !wanted() ? "on" : "hidden");
  };
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) inSight[isIntersecting ? "add" : "delete"](target);
    look();
  });
  watch(sight, signal, el);
  document.addEventListener("visibilitychange", look, { signal });
  const beat = setInterval(next, PATIENCE / 4); // should an answer be lost
  signal.addEventListener("abort", () => clearInterval(beat));
  observe(model, {
    "msg:custom": (/** @type {{ do: string }} */ message) => {
      if (message.do !== "done") return;
      flow.answered(now());
      write(rate, ready() ? say("{n} frames a second", { n: flow.rate(now()).toFixed(0) }) : "");
      next();
    },
  }, signal);
  return next;
}

/** A button that opens a window, in which a picture is taken, or a stream of them begun: the button then stops it. */
function single(/** @type {Model} */ model, /** @type {HTMLElement} */ el, /** @type {AbortSignal} */ signal) {
  const open = plainButton(""), take = plainButton(say("Take picture")), close = plainButton(say("Close"));
  const live = plainButton(say("Live"), say("Go on with what the camera sees, until its button is pressed again")), rate = element("span", "cnnviz-camera-status");
  let following = false;
  const seen = camera(model, () => {
    const there = Boolean(source.stream);
    take.disabled = live.disabled = !is("on");
    if (!there) follow(false);
    next();
  });
  const { video, status, source, is } = seen;
  const view = element("dialog", "cnnviz-camera-window", { "aria-label": say("Camera") }, video, status, element("div", "cnnviz-camera-row", {}, take, live, close));
  const file = { do: "file", name: "camera.jpg", type: "image/jpeg" };
  const show = () => {
    open.setAttribute("aria-label", following ? say("Stop camera") : model.get("description"));
    open.title = following ? say("Stop camera") : model.get("tooltip");
  };
  const follow = (/** @type {boolean} */ on) => {
    following = on;
    open.classList.toggle("cnnviz-camera-on", on);
    (on ? rate : video).after(status); // where it is in sight
    rate.textContent = "";
    show();
  };
  open.classList.add("cnnviz-camera-icon"); // there is little room beside a list of pictures
  const on = (/** @type {HTMLElement} */ target, /** @type {string} */ type, /** @type {(event: any) => void} */ handler) => target.addEventListener(type, handler, { signal });
  take.disabled = live.disabled = true;
  live.hidden = !model.get("streams");
  on(open, "click", () => {
    if (following) return source.end();
    view.showModal();
    source.start();
  });
  on(take, "click", () => {
    tell(model, file, [source.picture(model.get("size"))]);
    view.close();
  });
  on(live, "click", () => {
    follow(true);
    view.close();
    next();
  });
  on(close, "click", () => view.close());
  on(view, "close", () => following || source.end());
  on(view, "keydown", (event) => event.stopPropagation()); // Escape is the window's, too
  el.append(open, rate, view);
  show();
  const next = frames(model, seen, el, rate, signal, { message: { ...file, follows: true }, size: () => Math.min(LIVE, model.get("size")), wanted: () => following });
  observe(model, { "change:description change:tooltip": show }, signal);
  return source;
}

/** A button that starts and stops a stream of frames. */
function stream(/** @type {Model} */ model, /** @type {HTMLElement} */ el, /** @type {AbortSignal} */ signal) {
  const toggle = plainButton(say("Start camera")), rate = element("span", "cnnviz-camera-status");
  const seen = camera(model, () => {
    const there = Boolean(source.stream);
    toggle.textContent = is("on", "hidden", "asked") ? say("Stop camera") : say("Start camera");
    video.hidden = !there;
    if (!there) rate.textContent = "";
    next();
  });
  const { video, status, source, is } = seen;
  toggle.addEventListener("click", () => (source.stream || is("asked") ? source.end() : source.start()), { signal });
  video.hidden = true;
  el.append(toggle, video, rate, status);
  const next = frames(model, seen, el, rate, signal, { message: { do: "frame" }, size: () => model.get("size") });
  return source;
}

function render({ model, el }) {
  const root = element("div", "cnnviz-camera"), cleanup = new AbortController();
  root.addEventListener("keydown", keepKeys, { signal: cleanup.signal });
  el.append(root);
  const source = (model.get("live") ? stream : single)(model, root, cleanup.signal);
  return () => {
    source.end();
    cleanup.abort();
    root.remove();
  };
}

export default { render };
