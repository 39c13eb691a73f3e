// @ts-check
// The browser's half of ImageView: one stage, on which a scene is drawn and tools are used.

import { download, element, isDark, keepKeys, labelled, listening, observe, tell, watch } from "./js/dom.js";
import { Marks, colorize, paint, sheetColumns } from "./js/paint.js";
import { ALL, ZOOM_KEYS, corner, decode, ends, fieldAt, fileName, frame, layout, locate, panned, pointer, position, readout, received, revealed, shareOfAll, shareOfWindow, step, valueAt, zoomed } from "./js/scene.js";
import { blendBar, brushBar, filmBar, toolbar, wipeBar } from "./js/toolbar.js";
import { Carried, DRAG, Film, Latest, Mask, between, carried, dragged, grip, gripCursor, keyed } from "./js/tools.js";
import { say } from "./js/words.js";

/** @typedef {import("./js/dom.js").Model} Model */
/** @typedef {import("./js/scene.js").Scene} Scene */
/** @typedef {import("./js/scene.js").Maps} Maps */
/** @typedef {import("./js/scene.js").Place} Place */
/** @typedef {import("./js/scene.js").Zoom} Zoom */
/** @typedef {import("./js/scene.js").Pointer} Pointer */
/** @typedef {import("./js/paint.js").Sheet} Sheet */
/** @typedef {{ move(x: number, y: number): void, end(): void, tile: number }} Drag */

const PADDING = 4; // CSS px around the picture, in which the frame of a tile at its edge is drawn
const GAP = 2; // CSS px between tiles
const HEAD = 20, WIDE_GAP = 8; // CSS px above a tile for its name, and between such tiles (as in render)
const NARROWEST = 240; // CSS px that the lines under a small picture may take
const KINDS = 8; // that have a color of their own (as render.KINDS)
const UNORDERED = "turbo"; // one of the color maps
const LARGEST_PIXEL = 64; // CSS px of a picture's pixel, when it is zoomed as far as can be
const FIELD = "#f0e442"; // the color of a receptive field, as no other frame has
const NEAR = 8; // CSS px from an edge at which it can be taken hold of

/** The canvases, lines and controls of a view. */
function parts() {
  const ramp = element("canvas", "cnnviz-ramp", { width: 256, height: 1, "aria-hidden": "true" });
  const [low, high] = [element("span", "cnnviz-end"), element("span", "cnnviz-end")];
  const opacity = element("input", "cnnviz-opacity", { type: "range", min: 0, max: 1, step: 0.01, title: say("Opacity of the map over the picture") });
  const colors = element("select", "cnnviz-colors", { title: say("Colors of the map, from low to high") });
  return {
    caption: element("div", "cnnviz-caption"),
    pixels: element("canvas", "cnnviz-pixels", { role: "img" }),
    marks: element("canvas", "cnnviz-marks", { "aria-hidden": "true" }),
    labels: element("div", "cnnviz-labels"),
    line: element("span", "cnnviz-readout", { role: "status", "aria-live": "off" }),
    save: element("button", "cnnviz-button", { type: "button", title: say("Download this picture as a PNG file") }, "↓ PNG"),
    opacity,
    colors,
    ramp,
    low,
    high,
    scale: element("span", "cnnviz-scale", {}, low, ramp, high),
    opacityLabel: labelled("cnnviz-tool", say("Opacity"), opacity),
    colorsLabel: labelled("cnnviz-tool", say("Colors"), colors),
    legend: element("div", "cnnviz-legend"),
  };
}

class Stage {
  /** @param {Model} model @param {HTMLElement} el @param {Record<string, Uint8Array>} tables */
  constructor(model, el, tables) {
    this.model = model;
    this.el = el;
    this.tables = tables;
    this.cleanup = new AbortController();
    const { signal } = this.cleanup;
    this.parts = parts();
    this.bars = {
      tools: toolbar({ zoom: (factor) => this.zoomBy(factor), use: (tool) => this.use(tool) }, signal),
      brush: brushBar({ undo: () => this.mask?.undo() && this.painted(), clear: () => this.stroke((mask) => mask.clear()) }, signal),
      film: filmBar({ toggle: () => this.toggleFilm(), seek: (at) => this.seek(at), speed: (factor) => this.film.faster(factor, performance.now()) }, signal),
      wipe: wipeBar((share) => this.wipe(share), signal),
      blend: blendBar({ strength: (share) => model.set("strength", share), keep: (colors) => model.set("keep_colors", colors) }, signal), // in the browser only
    };
    const { caption, pixels, marks, labels, line, save, opacityLabel, colorsLabel, scale, legend } = this.parts;
    this.stage = element("div", "cnnviz-stage", { tabindex: "0", role: "group" }, pixels, marks, labels, this.bars.tools.root);
    this.tools = element("div", "cnnviz-tools", {}, opacityLabel, colorsLabel, scale, legend);
    this.foot = element("div", "cnnviz-foot", {}, line, save);
    const colors = element("div", "cnnviz-either", {}, this.bars.brush.root, this.tools); // of the paint, or of the maps
    this.rows = [this.bars.wipe.root, this.bars.blend.root, this.bars.film.root, colors];
    this.root = element("div", "cnnviz-image-view", {}, caption, this.stage, this.foot, ...this.rows);
    caption.hidden = this.tools.hidden = true;
    for (const { root } of [this.bars.wipe, this.bars.blend, this.bars.film, this.bars.brush]) root.hidden = true;
    const offered = Object.keys(tables).filter((name) => name !== "levels" && name !== UNORDERED).map((name) => new Option(name));
    this.parts.colors.append(...offered, element("optgroup", "", { label: "Not ordered by lightness" }, new Option(UNORDERED)));
    el.classList.add("cnnviz-image");
    el.append(this.root);

    /** @type {Scene | null} */ this.scene = null; // what is on the screen
    /** @type {Sheet | null} */ this.picture = null; // its pictures,
    /** @type {Sheet | null} */ this.before = null; // those before them,
    /** @type {Maps | null} */ this.map = null; // its numbers, decoded,
    /** @type {HTMLCanvasElement | null} */ this.colored = null; // and colored
    /** @type {Place | null} */ this.place = null; // its layout
    /** @type {Zoom} */ this.zoom = ALL;
    this.ratio = 1; // px of the screen per CSS px
    /** @type {Pointer | null} */ this.cursor = null; // where the pointer or the arrow keys are
    /** @type {[number, number] | null} */ this.echo = null; // where they are in another view of the group, as shares
    this.byKeys = false;
    /** @type {Drag | null} */ this.drag = null;
    /** @type {Carried | null} */ this.carried = null; // a picture on its way to another view
    this.clicks = true; // whether the next click is one, and not the end of a drag
    /** @type {any} */ this.region = null; // the rectangle that is dragged
    /** @type {Mask | null} */ this.mask = null;
    this.view = crypto.getRandomValues(new Uint32Array(2)).join("-"); // knows its own masks when they come back
    pixels.id = `cnnviz-pixels-${this.view}`;
    this.stage.setAttribute("aria-describedby", pixels.id);
    /** @type {Record<string, { id: number, sheet: Promise<Sheet> }>} */ this.sheets = {};
    /** @type {(Sheet | undefined)[]} */ this.frames = []; // of the film, as they are decoded
    this.film = new Film();
    this.filmNumber = 0;
    this.paintedCanvas = document.createElement("canvas");
    this.last = [0, 0]; // where the pointer is, in px of the screen
    this.askedAgain = 0; // serial of a scene that came damaged and was asked for once more
    /** @type {{ at: [number | null, number, number], values: number[] } | null} */ this.known = null; // exact values that Python was asked for
    this.hovers = new Latest((at) => tell(model, { do: "hover", at }));
    this.regions = new Latest((at) => tell(model, { do: "region", at }));
    this.values = new Latest((at) => at && tell(model, { do: "value", at, serial: this.scene?.serial }));
    this.listen();
    this.receiveRegion();
    this.receiveMask();
    this.receiveFilm();
    this.load();
  }

  // ----------------------------------------------------------------------------------------------- what Python sends

  listen() {
    const { model, stage } = this, { opacity, colors, save } = this.parts, { signal } = this.cleanup;
    const on = listening(signal), redraw = () => (this.describe(), this.paint());
    observe(model, {
      "change:_scene": () => this.load(),
      "change:colormap": () => (this.color(), this.paint()),
      "change:opacity change:smooth change:max_width change:max_height change:labels change:numbers": redraw,
      "change:wipe change:blend change:strength change:keep_colors": redraw,
      "change:selected change:crosshair change:rectangle change:ellipse change:cursor": () => this.mark(),
      "change:alt change:controls change:_clickable change:_gives change:_tools change:tool change:buttons": () => (this.describe(), this.mark()),
      "change:_labels": () => (this.describe(), this.receiveMask()),
      "change:region": () => this.receiveRegion(),
      "change:_mask": () => this.receiveMask(),
      "change:_film": () => this.receiveFilm(),
      "msg:custom": (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => this.receive(message, buffers),
    }, signal);
    on(stage, {
      pointerdown: (event) => this.press(event),
      pointermove: (event) => this.move(event),
      pointerup: (event) => this.release(event),
      pointercancel: () => this.release(),
      pointerleave: () => !this.drag && !this.carried && this.point(null, false),
      click: (event) => this.click(event),
      dblclick: (event) => {
        if (!this.isOnPicture(event)) return;
        this.look(ALL);
        this.point(this.under(event), false);
      },
      wheel: (event) => this.wheel(event),
      blur: () => this.byKeys && this.point(null, false),
      keydown: (event) => this.key(event),
    });
    on(this.root, { keydown: keepKeys });
    on(opacity, { input: () => model.set("opacity", Number(opacity.value)) });
    on(colors, { change: () => model.set("colormap", colors.value) });
    on(save, { click: () => this.save() });
    on(document, { "cnnviz-point": ({ detail: { from, group, shares } }) => {
      if (from === this.root || group !== model.get("group")) return;
      this.echo = shares;
      if (this.place) this.read();
    } });
    on(document, { "cnnviz-carry": ({ detail }) => this.carriedOver(detail) });
    on(window, { resize: () => this.paint() }); // the browser's zoom changes the px of the screen
    watch(new ResizeObserver(() => this.paint()), signal, this.el);
    this.themed = new MutationObserver(() => {
      if (!this.scene?.dark) return;
      this.sheets = {};
      this.load();
    });
    this.themed.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  }

  destroy() {
    this.cleanup.abort();
    this.themed?.disconnect();
    for (const latest of [this.hovers, this.regions, this.values]) latest.end();
    this.carried?.end();
    this.film.pause();
    for (const sheet of [this.picture, this.before, ...this.frames]) close(sheet);
    this.root.remove();
  }

  async load() {
    const { model } = this, next = model.get("_scene");
    if (!this.scene) this.show(next, null, null, null); // room for it, while it is decoded: what is below does not jump
    try {
      const drawn = next.dark && isDark(this.root) ? this.sheet("_dark", next.dark) : this.sheet("_picture", next.picture);
      const [picture, before] = await Promise.all([drawn, this.sheet("_before", next.before)]);
      if (this.cleanup.signal.aborted || next !== model.get("_scene")) return;
      this.show(next, picture, before, next.values && decode(next.values));
    } catch (error) {
      if (this.askedAgain === next.serial) throw error;
      this.askedAgain = next.serial;
      console.warn(`scene ${next.serial} came damaged and is asked for again:`, error);
      return tell(model, { do: "again" });
    }
    if (this.cursor && this.scene) {
      const { tile, x, y } = this.cursor;
      this.point(tile < this.scene.count ? pointer(tile, x, y, this.scene) : null, this.byKeys);
    } else if (this.echo) this.read();
    tell(model, { do: "drawn", serial: next.serial });
  }

  /** The decoded sheet of pictures that a scene names by its number; it is decoded once. */
  sheet(name, id) {
    if (!id) return Promise.resolve(null);
    if (this.sheets[name]?.id !== id) {
      const sent = this.model.get(name);
      if (sent?.id !== id) return Promise.reject(new RangeError(`${name} is ${sent?.id}, not ${id}`));
      this.sheets[name] = { id, sheet: decoded(sent) };
    }
    return this.sheets[name].sheet;
  }

  /** @param {Scene} scene @param {Sheet | null} picture @param {Sheet | null} before @param {Maps | null} map */
  show(scene, picture, before, map) {
    if (this.picture !== picture) close(this.picture);
    if (this.before !== before) close(this.before);
    const [height, width] = this.scene?.size ?? [];
    const another = this.scene && (this.scene.count !== scene.count || height !== scene.size[0] || width !== scene.size[1]);
    if (another && (scene.count || this.zoom.scale > 1)) this.zoom = ALL;
    Object.assign(this, { scene, picture, before, map, known: null });
    this.fitMask();
    this.color();
    this.describe();
    this.paint();
  }

  receive(message, buffers) {
    if (message.do === "done") {
      this[/** @type {"hovers" | "regions" | "values"} */ (`${message.of}s`)].answered();
      if (message.of === "region") this.receiveRegion();
    } else if (message.do === "frame") this.receiveFrame(message, buffers[0]);
    else if (message.do === "value" && message.serial === this.scene?.serial) {
      this.known = { at: message.at, values: message.values.map((/** @type {number | null} */ value) => value ?? NaN) };
      this.read();
    }
  }

  // ---------------------------------------------------------------------------------------------------- what is drawn

  get table() {
    return this.tables[this.scene?.levels.length ? "levels" : this.model.get("colormap")];
  }

  color() {
    const { scene, map, table } = this, { colors, legend, ramp } = this.parts;
    colors.value = this.model.get("colormap");
    legend.replaceChildren(...(scene?.levels ?? []).flatMap((name, level) => {
      if (!name) return []; // a kind that there is not
      const first = 3 * Math.floor((255 * (level + 0.5)) / KINDS), swatch = element("span", "cnnviz-swatch");
      swatch.style.background = `rgb(${table.slice(first, first + 3)})`;
      return element("span", "cnnviz-level", {}, swatch, name);
    }));
    const gradient = Uint8ClampedArray.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : table[3 * (i >> 2) + (i % 4)]));
    ramp.getContext("2d")?.putImageData(new ImageData(gradient, 256), 0, 0);
    if (!map || !scene) return;
    const columns = sheetColumns(scene.count);
    this.colored ??= document.createElement("canvas");
    this.colored.width = columns * map.size[1];
    this.colored.height = Math.ceil(scene.count / columns) * map.size[0];
    this.colored.getContext("2d")?.putImageData(new ImageData(colorize(map, scene.count, table, columns), this.colored.width), 0, 0);
  }

  /** Lay out; whether there is room to draw. */
  fit() {
    const { model, scene } = this, { pixels, marks } = this.parts;
    const available = Math.min(model.get("max_width"), this.el.clientWidth) - 2 * PADDING;
    if (available <= 0 || !scene) return false;
    const ratio = (this.ratio = window.devicePixelRatio || 1);
    this.stage.classList.toggle("cnnviz-empty", !scene.count);
    const box = Math.floor(available * ratio), tallest = model.get("max_height");
    const tall = tallest === null ? box : Math.floor(tallest * ratio);
    const [gap, head] = (model.get("labels") ? [WIDE_GAP, HEAD] : [GAP, 0]).map((px) => Math.round(px * ratio));
    const place = (this.place = scene.count ? layout(scene, box, gap, tall, head) : null);
    if (!place && pixels.width > 1 && pixels.width <= box && pixels.style.width) return true; // keeps the room of what was there before
    const width = place ? place.columns * (place.width + place.gap) - place.gap : box;
    const height = place ? place.rows * (place.height + place.gap + head) - place.gap : Math.min(width, tall);
    const border = Math.round(PADDING * ratio);
    for (const [canvas, more] of /** @type {[HTMLCanvasElement, number][]} */ ([[pixels, 0], [marks, 2 * border]])) {
      if (canvas.width !== width + more) canvas.width = width + more;
      if (canvas.height !== height + more) canvas.height = height + more;
      canvas.style.width = `${canvas.width / ratio}px`;
      canvas.style.height = `${canvas.height / ratio}px`;
    }
    const most = `${Math.max(NARROWEST, width / ratio + 2 * PADDING)}px`; // buttons end where the picture ends
    for (const row of [this.foot, ...this.rows]) row.style.maxWidth = most;
    return true;
  }

  paint() {
    if (!this.fit() || !this.scene) return;
    const { model, scene, place, zoom, ratio, before, map, colored, table } = this;
    const context = this.parts.pixels.getContext("2d");
    if (!context) return;
    if (place) {
      const picture = this.frames[this.film.frame] ?? this.picture;
      const numbers = model.get("numbers") || zoom.scale > 1;
      const look = { opacity: model.get("opacity"), smooth: model.get("smooth"), wipe: this.share, numbers, table, strength: model.get("strength"), keepColors: model.get("keep_colors") };
      paint(context, { scene, place, zoom, ratio, picture, before, map, colored }, look);
      for (const [tile, label] of this.names()) {
        const [left, top, width] = frame(tile, place, zoom.whole ? zoom : ALL);
        label.style.cssText = `left: ${left / ratio}px; top: ${(top - place.head) / ratio}px; width: ${width / ratio}px`;
      }
    } else context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    this.mark();
  }

  /** @returns {[number, HTMLElement][]} */
  names() {
    return this.place ? /** @type {any} */ ([...this.parts.labels.children].entries()) : [];
  }

  mark() {
    const { model, scene, place, zoom, ratio, cursor } = this, context = this.parts.marks.getContext("2d");
    if (!context) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    if (!place || !scene) return;
    const border = Math.round(PADDING * ratio);
    context.translate(border, border);
    const pen = new Marks(context, { scene, place, zoom, ratio });
    const selected = model.get("selected"), rectangle = model.get("rectangle"), crosshair = model.get("crosshair"), ellipse = model.get("ellipse"), tool = model.get("tool");
    const marked = selected !== null && selected < scene.count ? [selected] : [...Array(scene.count).keys()];
    const every = [...Array(scene.count).keys()];
    if (this.mask && !this.mask.empty) for (const tile of every) pen.painted(tile, this.paintedImage());
    for (const tile of marked) {
      if (rectangle) pen.within(tile, 2, () => pen.outlined(() => pen.box(tile, rectangle), "white", 2));
      if (ellipse) pen.ellipse(tile, ellipse);
      if (crosshair) pen.cross(tile, crosshair);
    }
    if (this.region) for (const tile of every) {
      if (tool === "rectangle" && !this.carries()) pen.grips(tile, this.region);
      else pen.within(tile, 2, () => pen.outlined(() => pen.box(tile, this.region), "white", 1.5));
    }
    if (this.before) for (const tile of every) pen.divider(tile, this.share);
    const spot = this.spot(), linked = this.linked();
    if (spot) {
      if (linked) for (const tile of every) if (tile !== cursor?.tile) pen.cross(tile, [spot.x, spot.y]);
      for (const tile of cursor && !linked ? [cursor.tile] : every) {
        const field = fieldAt({ ...spot, tile }, scene);
        if (field) pen.within(tile, 2, () => pen.outlined(() => pen.box(tile, field), FIELD, 2));
      }
    }
    const whole = [0, 0, scene.size[1], scene.size[0]], accent = getComputedStyle(this.stage).getPropertyValue("--jp-brand-color1").trim() || "#1976d2";
    if (selected !== null && selected < scene.count) {
      context.strokeStyle = accent;
      context.lineWidth = 3 * ratio;
      context.beginPath();
      pen.box(selected, whole, 1.5);
      context.stroke();
    }
    if (!cursor || cursor.tile >= scene.count) return;
    if (tool === "brush" && this.mask) pen.ring(cursor.tile, cursor.x + 0.5, cursor.y + 0.5, this.bars.brush.width / 2);
    else if (model.get("cursor") === "tile") {
      if (scene.count > 1) pen.outlined(() => pen.box(cursor.tile, whole, 0.5), "white", 1);
    } else if (this.byKeys || Math.min(...pen.cell) >= 6 * ratio) {
      const grow = Math.max(0, 3 - Math.min(...pen.cell) / ratio / 2); // a pixel too small to see gets a box around it
      pen.within(cursor.tile, 4, () => pen.outlined(() => pen.box(cursor.tile, [cursor.x, cursor.y, 1, 1], grow), "white", 1));
    }
  }

  describe() {
    const { model, scene, map, tools, stage } = this, { caption, pixels, opacity, opacityLabel, colorsLabel, scale, legend, low, high, labels } = this.parts;
    const alt = model.get("alt"), clickable = model.get("_clickable"), tool = model.get("tool");
    const keys = tool === "rectangle" ? say("move the rectangle, with Shift they resize it") : model.get("cursor") === "tile" ? say("choose a tile") : say("move over the picture");
    caption.textContent = caption.title = scene?.caption ?? "";
    caption.hidden &&= !caption.textContent; // once there it stays, and nothing jumps
    pixels.setAttribute("aria-label", scene?.count ? `${alt}: ${scene.alt}` : alt);
    stage.setAttribute("aria-label", clickable ? say("{alt}; arrow keys {keys}, Enter clicks; plus and minus zoom", { alt, keys }) : say("{alt}; arrow keys {keys}; plus and minus zoom", { alt, keys }));
    stage.classList.toggle("cnnviz-clickable", clickable && tool === "point");
    stage.classList.toggle("cnnviz-giving", Boolean(model.get("_gives")));
    stage.classList.toggle("cnnviz-drawing", tool !== "point");
    opacity.value = model.get("opacity");
    opacityLabel.hidden = !scene?.picture;
    legend.hidden = !scene?.levels.length;
    colorsLabel.hidden = scale.hidden = !legend.hidden;
    tools.hidden = !model.get("controls") || (tools.hidden && !scene?.values);
    tools.classList.toggle("cnnviz-asleep", !map || tool === "brush");
    scale.classList.toggle("cnnviz-asleep", !map || tool === "brush");
    if (map && scene) {
      const same = map.low.length === 1 && map.high.length === 1;
      [low.textContent, high.textContent] = same ? ends(map.low[0], map.high[0]) : scene.signed ? [say("below 0"), say("above 0")] : [say("least"), say("greatest")];
      scale.title = scene.signed ? say("Red is above 0, blue below: the values at the two ends") : say("The values at the two ends of the colors");
    }
    this.el.style.maxWidth = `${model.get("max_width")}px`;
    this.bars.wipe.root.hidden &&= !scene?.before; // these rows, too, stay once they are there
    this.bars.wipe.show(this.share);
    this.bars.blend.root.hidden &&= !(scene?.before && model.get("blend"));
    this.bars.blend.show(model.get("strength"), model.get("keep_colors"));
    this.bars.brush.root.hidden = !model.get("_labels").length;
    this.bars.brush.root.classList.toggle("cnnviz-asleep", tool !== "brush");
    this.bars.tools.root.hidden = !model.get("buttons");
    this.bars.tools.show(model.get("_tools"), tool, this.zoom.scale > 1);
    const names = !model.get("labels") || !scene ? [] : scene.heads.length ? scene.heads : scene.names;
    labels.classList.toggle("cnnviz-spilling", Boolean(scene?.heads.length)); // into the gap, and over tiles without a head
    if (names.join("\n") === [...labels.children].map((label) => /** @type {HTMLElement} */ (label).title).join("\n")) return;
    labels.replaceChildren(...names.map((name) => {
      const at = name.lastIndexOf(" · "), end = at < 0 ? name.length : at; // the number behind it is not cut off
      const written = element("span", "cnnviz-name", {}, element("span", "", {}, name.slice(0, end)), element("span", "", {}, name.slice(end)));
      return element("div", "cnnviz-label", { title: name }, written, element("span", "cnnviz-value"));
    }));
  }

  // ------------------------------------------------------------------------------------------------------------- zoom

  get most() {
    const { scene, place, ratio } = this;
    return scene && place ? Math.max(4, (LARGEST_PIXEL * ratio * scene.size[1]) / place.width) : 1;
  }

  look(zoom) {
    this.zoom = { ...zoom, whole: this.model.get("cursor") === "tile" }; // tiles to choose from are seen as one sheet
    this.describe();
    this.paint();
  }

  /** @param {number} factor  0: all is shown @param {[number, number]} [at]  what stays, as shares of the window */
  zoomBy(factor, at) {
    const { cursor, place, scene, zoom } = this;
    if (!factor) return this.look(ALL);
    if (!place || !scene) return;
    if (!at && cursor && this.byKeys) {
      const share = shareOfAll(cursor, place, scene, zoom.whole);
      at = [(share[0] - zoom.x) * zoom.scale, (share[1] - zoom.y) * zoom.scale];
    }
    this.look(zoomed(zoom, factor, at ?? [0.5, 0.5], this.most));
  }

  wheel(event) {
    if (!(event.ctrlKey || event.metaKey) || !this.place || !this.isOnPicture(event)) return; // the page scrolls
    event.preventDefault();
    const [left, top] = this.onScreen(event);
    this.zoomBy(2 ** (-event.deltaY / 200), shareOfWindow(left, top, this.place, this.zoom));
    this.point(this.under(event), false);
  }

  // ---------------------------------------------------------------------------------------------------- the pointer

  isOnPicture(event) {
    return !this.bars.tools.root.contains(event.target);
  }

  /** [left, top] of an event in px of the screen, on the picture; its border belongs to its edge. */
  onScreen(event) {
    const { pixels } = this.parts, box = pixels.getBoundingClientRect();
    const inside = (/** @type {number} */ value, /** @type {number} */ length) => Math.max(0, Math.min(length - 1, value));
    return [inside(((event.clientX - box.left) / box.width) * pixels.width, pixels.width), inside(((event.clientY - box.top) / box.height) * pixels.height, pixels.height)];
  }

  under(event) {
    const [left, top] = this.onScreen(event);
    return this.place && this.scene && locate(left, top, this.place, this.scene, this.zoom);
  }

  press(event) {
    this.clicks = true;
    if (event.button !== 0 || !this.place || !this.scene || !this.isOnPicture(event)) return;
    const [left, top] = this.onScreen(event), at = position(left, top, this.place, this.scene, this.zoom);
    if (at && this.gives()) return this.take(event, at.tile);
    this.drag = at && (this.grabDivider(left, at) ?? this.grab(at, [left, top]));
    if (!this.drag) return;
    this.stage.setPointerCapture(event.pointerId);
    this.clicks = false;
  }

  /** Whether a drag takes a tile along, and does not move what is zoomed. */
  gives() {
    const { model, zoom } = this;
    return model.get("_gives") && model.get("tool") === "point" && zoom.scale === 1;
  }

  /** Take hold of a tile: it goes with the pointer, to a view that takes it. */
  take(event, tile) {
    const { place, ratio } = this, { pixels } = this.parts, { width, height } = /** @type {Place} */ (place);
    const copy = element("canvas", "cnnviz-carried", { width, height, "aria-hidden": "true" }), [left, top] = corner(tile, /** @type {Place} */ (place));
    copy.getContext("2d")?.drawImage(pixels, left, top, width, height, 0, 0, width, height);
    copy.style.width = `${width / ratio}px`;
    this.carried = new Carried(copy, this.model.get("_gives"), tile, event);
    this.stage.setPointerCapture(event.pointerId);
  }

  /** A tile is carried over this view, or put down. */
  carriedOver({ gives, tile, event, ends }) {
    const { model, stage } = this;
    if (!this.place || !model.get("_takes").includes(gives)) return;
    const over = event && stage.contains(document.elementFromPoint(event.clientX, event.clientY)) ? this.under(event) : null;
    this.point(ends ? null : over, false);
    if (ends && over) tell(model, { do: "drop", at: over.tile, gives, tile });
  }

  /** What a press at a place of a tile begins, for the tool that is used. @returns {Drag | null} */
  grab(at, [left, top]) {
    const tool = this.model.get("tool"), scene = /** @type {Scene} */ (this.scene);
    if (tool === "rectangle") {
      if (this.carries()) {
        const carry = (/** @type {number} */ x, /** @type {number} */ y) => this.choose(carried(this.region, x, y, scene.size));
        carry(at.x, at.y);
        return { tile: at.tile, move: carry, end: () => undefined };
      }
      const found = grip(this.region, at.x, at.y, this.near()), from = this.region;
      const move = (/** @type {number} */ x, /** @type {number} */ y) => this.choose(found ? dragged(from, found, x - at.x, y - at.y, scene.size) : between(at.x, at.y, x, y, scene.size));
      return { tile: at.tile, move, end: () => undefined };
    }
    if (tool === "brush" && this.mask) {
      const { mask } = this, { label, fills } = this.bars.brush.state, radius = this.bars.brush.width / 2;
      let [x, y] = [at.x, at.y];
      mask.begin();
      if (fills) mask.fill(x, y, label);
      else mask.line(x, y, x, y, radius, label);
      this.mark();
      const move = (/** @type {number} */ nextX, /** @type {number} */ nextY) => {
        if (!fills) mask.line(x, y, nextX, nextY, radius, label);
        [x, y] = [nextX, nextY];
        this.mark();
      };
      return { tile: at.tile, move, end: () => this.painted() };
    }
    if (this.zoom.scale === 1) return null;
    return this.pan(left, top, at.tile);
  }

  /** Drag what is zoomed; if it hardly moves it was a click. @returns {Drag} */
  pan(left, top, tile) {
    const from = this.zoom, place = /** @type {Place} */ (this.place);
    const [width, height] = from.whole ? [this.parts.pixels.width, this.parts.pixels.height] : [place.width, place.height];
    let moved = false;
    return {
      tile,
      move: (_, __) => {
        const [dx, dy] = [this.last[0] - left, this.last[1] - top];
        moved ||= Math.hypot(dx, dy) > DRAG * this.ratio;
        if (moved) this.look(panned(from, dx / width, dy / height));
      },
      end: () => (this.clicks = !moved),
    };
  }

  /** @returns {Drag | null} */
  grabDivider(left, at) {
    const { place, zoom } = this;
    if (!this.before || !place || zoom.whole) return null;
    const [start] = corner(at.tile, place), share = (/** @type {number} */ px) => Math.max(0, Math.min(1, (px - start) / place.width));
    if (Math.abs(left - start - this.share * place.width) > NEAR * this.ratio) return null;
    return { tile: at.tile, move: () => this.wipe(share(this.last[0])), end: () => undefined };
  }

  /** Whether the rectangle tool only moves the rectangle that is there. */
  carries() {
    return this.region && this.model.get("keeps_size");
  }

  near() {
    const [, , width] = frame(0, /** @type {Place} */ (this.place), this.zoom);
    return (NEAR * this.ratio * /** @type {Scene} */ (this.scene).size[1]) / width;
  }

  move(event) {
    if (!this.place || !this.scene) return;
    if (this.carried) return this.carried.move(event);
    if (!this.isOnPicture(event)) return this.point(null, false);
    this.last = this.onScreen(event);
    const at = position(this.last[0], this.last[1], this.place, this.scene, this.zoom);
    if (this.drag && at) this.drag.move(at.tile === this.drag.tile ? at.x : this.beyond(at, 0), at.tile === this.drag.tile ? at.y : this.beyond(at, 1));
    else if (this.model.get("tool") === "rectangle" && at) this.stage.style.cursor = this.carries() ? "move" : gripCursor(grip(this.region, at.x, at.y, this.near()));
    this.point(this.under(event), false);
  }

  /** Where the pointer is beyond the tile in which a drag began: at its edge. */
  beyond(at, axis) {
    const { drag, place, scene } = this;
    if (!drag || !place || !scene) return 0;
    const share = (/** @type {number} */ tile) => (axis ? Math.floor(tile / place.columns) : tile % place.columns);
    const [from, to] = [share(drag.tile), share(at.tile)], size = scene.size[1 - axis];
    return to > from ? size : to < from ? 0 : axis ? at.y : at.x;
  }

  /** @param {PointerEvent} [event]  where; without it nothing is put down */
  release(event) {
    const { drag, carried } = this;
    this.drag = this.carried = null;
    drag?.end();
    if (carried?.end(event)) this.clicks = false;
  }

  click(event) {
    if (!this.clicks || !this.isOnPicture(event) || this.model.get("tool") !== "point") return;
    this.choosePlace(this.byKeys || !this.cursor ? this.under(event) : this.cursor); // a click has whole px, a move finer ones
  }

  choosePlace(at) {
    if (!at) return;
    const { model } = this;
    if (model.get("cursor") === "tile" && model.get("_clickable")) model.set("selected", at.tile); // Python follows
    tell(model, { do: "click", at: message(at) });
  }

  linked() {
    return this.model.get("cursor") === "pixel" && (this.model.get("labels") || (this.echo && !this.cursor));
  }

  /** The pointer, or its echo. */
  spot() {
    const { cursor, echo, scene } = this;
    if (cursor || !echo || !scene?.count) return cursor;
    return pointer(0, Math.floor(echo[0] * scene.size[1]), Math.floor(echo[1] * scene.size[0]), scene);
  }

  /** Write what is at the pointer: under the picture, and for every tile that has a name above it. */
  read() {
    const { cursor, scene, map, known } = this, at = this.spot();
    if (!scene) return;
    const one = cursor || scene.count === 1; // an echo is in no tile of several
    const every = this.linked() && this.parts.labels.childElementCount > 0; // each tile has a value above it
    const exact = (/** @type {Pointer} */ { tile, row, column }) => {
      if (!known || known.at.join() !== [known.at[0] === null ? null : tile, row, column].join()) return null;
      return known.values[known.at[0] === null ? tile : 0];
    };
    this.parts.line.textContent = at ? (one ? readout(at, scene, map, exact(at)) : `x ${at.x}, y ${at.y}`) : "";
    for (const [tile, label] of this.names()) {
      const value = /** @type {Element} */ (label.lastChild), spot = at && pointer(tile, at.x, at.y, scene);
      value.textContent = spot && this.linked() ? valueAt(spot, scene, map, exact(spot)) : "";
    }
    if (at && (one || every) && map && !map.exact && at.row !== null) {
      const wanted = [every ? null : at.tile, at.row, at.column];
      this.values.want(wanted.join() === known?.at.join() ? this.values.sent : wanted);
    }
    this.mark();
  }

  point(at, keys) {
    const { cursor, model, scene } = this;
    const moved = at?.tile !== cursor?.tile || at?.x !== cursor?.x || at?.y !== cursor?.y;
    [this.cursor, this.byKeys] = [at, keys];
    this.parts.line.setAttribute("aria-live", keys ? "polite" : "off"); // a moving mouse would talk without end
    this.read();
    if (moved && model.get("group") && scene) {
      const shares = at && [(at.x + 0.5) / scene.size[1], (at.y + 0.5) / scene.size[0]];
      document.dispatchEvent(new CustomEvent("cnnviz-point", { detail: { from: this.root, group: model.get("group"), shares } }));
    }
    if (moved && model.get("_hoverable")) this.hovers.want(message(at));
  }

  key(event) {
    const { place, scene, model } = this;
    if (event.key === "Escape") this.release();
    if (!place || !scene || event.target !== this.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const tool = model.get("tool"), start = { tile: model.get("selected") ?? 0, x: scene.size[1] >> 1, y: scene.size[0] >> 1 };
    const at = this.cursor ?? pointer(start.tile, start.x, start.y, scene);
    const done = this.zoomKey(event.key) || (tool === "rectangle" && this.rectangleKey(event)) || (tool === "brush" && this.brushKey(event.key, at));
    if (!done) {
      if (event.key === "Enter" || event.key === " ") this.choosePlace(at);
      else {
        const next = step(this.cursor ?? start, event.key, event.shiftKey, model.get("cursor"), place, scene);
        if (!next) return;
        if (this.zoom.scale > 1) this.look(revealed(this.zoom, shareOfAll(next, place, scene, this.zoom.whole)));
        this.point(next, true);
      }
    }
    event.preventDefault(); // the page would scroll
  }

  zoomKey(key) {
    const known = key in ZOOM_KEYS;
    if (known) this.zoomBy(ZOOM_KEYS[key]);
    return known;
  }

  rectangleKey({ key, shiftKey }) {
    const next = keyed(this.region, key, shiftKey && !this.carries(), /** @type {Scene} */ (this.scene).size);
    if (!next && key !== "Delete" && key !== "Backspace") return false;
    this.choose(next);
    return true;
  }

  brushKey(key, at) {
    const { brush } = this.bars;
    if (key === " " || key === "Enter") this.stroke((mask) => (brush.state.fills ? mask.fill(at.x, at.y, brush.state.label) : mask.line(at.x + 0.5, at.y + 0.5, at.x + 0.5, at.y + 0.5, brush.width / 2, brush.state.label)));
    else if (key === "x") brush.choose(brush.state.label ? 0 : 1);
    else if (key === "f") brush.toggleFill();
    else if (key === "z") this.mask?.undo() && this.painted();
    else if (key === "[" || key === "]") brush.width += key === "[" ? -2 : 2;
    else if (/^[1-9]$/.test(key) && Number(key) <= this.model.get("_labels").length) brush.choose(Number(key));
    else return false;
    this.mark();
    return true;
  }

  use(tool) {
    this.stage.style.cursor = "";
    this.model.set("tool", tool); // at once; Python follows
    tell(this.model, { do: "tool", tool });
  }

  // ---------------------------------------------------------------------------- rectangle, brush, wipe and film

  choose(region) {
    this.region = region;
    this.mark();
    this.regions.want(region);
  }

  receiveRegion() {
    if (this.drag || this.regions.busy) return; // an answer to an earlier place of what is being dragged
    this.region = this.model.get("region");
    this.mark();
  }

  /** A mask as large as the picture, where there is a brush. */
  fitMask() {
    const [height, width] = this.scene?.size ?? [0, 0];
    if (!this.model.get("_labels").length || !height) this.mask = null;
    else if (this.mask?.height !== height || this.mask.width !== width) this.mask = new Mask([height, width], this.sentMask([height, width]));
  }

  /** The labels that Python has, if they are for a picture of this size. */
  sentMask([height, width]) {
    const sent = this.model.get("_mask");
    if (!sent || sent.size[0] !== height || sent.size[1] !== width) return undefined;
    return new Uint8Array(received(sent.data));
  }

  receiveMask() {
    this.bars.brush.name(this.model.get("_labels"));
    this.fitMask();
    const { mask } = this;
    if (!mask || this.model.get("_mask")?.view === this.view) return; // an answer: more may be painted since
    const sent = this.sentMask([mask.height, mask.width]) ?? new Uint8Array(mask.data.length);
    if (mask.data.some((label, at) => label !== sent[at])) mask.begin(); // what Python takes away can be had again
    mask.data = sent;
    this.mark();
  }

  /** @param {(mask: Mask) => void} change */
  stroke(change) {
    if (!this.mask) return;
    this.mask.begin();
    change(this.mask);
    this.painted();
  }

  /** Show what was painted, and tell Python: one message for a stroke. */
  painted() {
    const { mask, model } = this;
    this.mark();
    if (mask) tell(model, { do: "mask", size: [mask.height, mask.width], view: this.view }, [mask.data.slice().buffer]);
  }

  paintedImage() {
    const mask = /** @type {Mask} */ (this.mask);
    Object.assign(this.paintedCanvas, { width: mask.width, height: mask.height });
    this.paintedCanvas.getContext("2d")?.putImageData(new ImageData(mask.colored(this.model.get("_labels").map((/** @type {[string, string]} */ [, color]) => color)), mask.width), 0, 0);
    return this.paintedCanvas;
  }

  /** Of a tile, what shows the picture before. */
  get share() {
    return this.model.get("wipe");
  }

  wipe(share) {
    this.model.set("wipe", share); // in the browser only
  }

  /** Take over the film that Python has, of which some frames may be here already. */
  receiveFilm() {
    const { frames, number } = this.model.get("_film");
    if (number !== this.filmNumber) {
      this.frames.forEach(close);
      this.frames = [];
      this.filmNumber = number;
      this.film.pause();
      this.film.seek(0, 0);
    }
    this.film.count = frames.length;
    frames.forEach((sent, at) => this.decodeFrame(sent, at));
    this.showFilm();
  }

  /** One more frame. The model's own list takes it, too: another view and a saved notebook read it there. */
  receiveFrame({ number, at, type }, data) {
    const film = this.model.get("_film");
    if (number !== film.number || at > film.frames.length) return tell(this.model, { do: "again" });
    film.frames[at] = { data, type };
    const last = this.film.frame >= this.film.count - 1;
    this.film.count = film.frames.length;
    this.decodeFrame(film.frames[at], at);
    if (last && !this.film.playing) this.film.seek(at, 0); // whoever sees the last one sees it grow
    this.showFilm();
  }

  async decodeFrame(sent, at) {
    if (this.frames[at]) return;
    const { filmNumber } = this, sheet = await decoded({ ...sent, count: 1, columns: 1 });
    if (filmNumber !== this.filmNumber || this.cleanup.signal.aborted) return close(sheet);
    this.frames[at] = sheet;
    if (at === this.film.frame) this.paint();
  }

  showFilm() {
    this.bars.film.root.hidden &&= !this.film.count;
    this.bars.film.show(this.film);
  }

  seek(at) {
    this.film.seek(at, performance.now());
    this.showFilm();
    this.paint();
  }

  toggleFilm() {
    const { film } = this;
    if (film.playing) film.pause();
    else film.play(performance.now());
    this.showFilm();
    const turn = (/** @type {number} */ now) => {
      if (!film.playing || this.cleanup.signal.aborted) return;
      if (film.tick(now, this.model.get("_film").rate)) {
        this.showFilm();
        this.paint();
      }
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  // ------------------------------------------------------------------------------------------------------------ files

  save() {
    const { scene, place, ratio, model } = this, { pixels, marks } = this.parts;
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [pixels.width, pixels.height];
    const context = copy.getContext("2d"), border = Math.round(PADDING * ratio);
    if (!context) return;
    if (place?.head) {
      context.fillStyle = "white";
      context.fillRect(0, 0, copy.width, copy.height);
    }
    context.drawImage(pixels, 0, 0);
    context.drawImage(marks, -border, -border);
    context.font = `${12 * ratio}px sans-serif`;
    context.fillStyle = "#212121";
    for (const [tile, { title }] of this.names()) {
      const [left, top] = corner(tile, /** @type {Place} */ (place));
      context.fillText(title, left, top - 6 * ratio, /** @type {Place} */ (place).width);
    }
    copy.toBlob((blob) => blob && download(fileName(scene?.caption || model.get("alt")), blob));
  }
}

const message = (/** @type {Pointer | null} */ at) => at && [at.tile, at.x, at.y, at.row, at.column];

/** @returns {Promise<Sheet>} */
async function decoded({ data, type, count, columns, size }) {
  const image = await createImageBitmap(new Blob([data], { type }));
  return { image, count, columns, size: size ?? [image.height, image.width] };
}

/** @param {Sheet | null | undefined} sheet */
function close(sheet) {
  /** @type {ImageBitmap | undefined} */ (sheet?.image)?.close();
}

function render({ model, el, tables }) {
  const stage = new Stage(model, el, tables);
  return () => stage.destroy();
}

export default { render };
