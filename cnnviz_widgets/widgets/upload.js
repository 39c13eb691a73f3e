// The browser's half of Upload: a file as it is while it is small, else a smaller picture of it.

import { element, observe, plainButton, signed, tell } from "./js/dom.js";
import { say } from "./js/words.js";

export const SENT_AS_IT_IS = 4e6; // bytes
export const MOST_SENT = 8e6; // bytes: a message of more than 10 MiB ends the connection
export const LONGEST = 4096; // px of a side
const QUALITIES = [0.92, 0.8, 0.65, 0.5];

/** The size at which a picture is sent: no side longer than LONGEST, and `shrink` times that. */
export function fitted(width, height, shrink = 1) {
  const scale = Math.min(1, LONGEST / Math.max(width, height)) * shrink;
  return [width, height].map((side) => Math.max(1, Math.round(side * scale)));
}

/** { blob, width, height } of the largest and best JPEG of the picture that is no larger than `most` bytes. */
export async function encoded(bitmap, encode, most = MOST_SENT) {
  for (let shrink = 1; ; shrink *= 0.7) {
    const [width, height] = fitted(bitmap.width, bitmap.height, shrink);
    for (const quality of QUALITIES) {
      const blob = await encode(bitmap, width, height, quality);
      if (blob.size <= most) return { blob, width, height };
    }
  }
}

function drawn(bitmap, width, height, quality) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d", { alpha: false });
  pen.fillStyle = "#fff"; // under what is transparent, as Python lays it
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, width, height);
  return new Promise((give) => canvas.toBlob(give, "image/jpeg", quality));
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** What to send for a file: { content, scaled?, note? }, or { error }. */
export async function prepared(file, decode = createImageBitmap, encode = drawn) {
  if (file.size <= SENT_AS_IT_IS) return { content: await file.arrayBuffer() };
  let bitmap;
  try {
    bitmap = await decode(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    if (file.size <= MOST_SENT) return { content: await file.arrayBuffer() }; // TIFF, say, which Python can read
    return { error: say("{name} has {size} and cannot be scaled by this browser: at most {most} can be sent; make it smaller, or give its path to load_image.", { name: file.name, size: megabytes(file.size), most: megabytes(MOST_SENT) }) };
  }
  const { blob, width, height } = await encoded(bitmap, encode);
  const smaller = width < bitmap.width;
  const note = smaller ? say("scaled to {width} × {height} px in the browser", { width, height }) : say("compressed to {size} in the browser", { size: megabytes(blob.size) });
  bitmap.close?.();
  return { content: await blob.arrayBuffer(), scaled: smaller ? [height, width] : null, note };
}

function render({ model, el }) {
  const button = plainButton(), note = element("span", "", { role: "status" });
  const field = element("input", "", { type: "file", accept: "image/*", hidden: "" });
  const root = element("div", "cnnviz-upload", {}, button, field, note);
  el.append(root);

  const show = () => {
    button.replaceChildren(...signed("↑", model.get("description")));
    button.title = model.get("tooltip");
  };

  async function send(file) {
    if (!file) return;
    note.textContent = file.size > SENT_AS_IT_IS ? say("making it smaller …") : "";
    try {
      const { content, scaled, note: said, error } = await prepared(file);
      note.textContent = said ?? "";
      tell(model, { do: "file", name: file.name, type: file.type, scaled, error }, content ? [content] : []);
    } catch (failure) {
      note.textContent = "";
      tell(model, { do: "file", name: file.name, error: say("{name} cannot be read by this browser: {reason}", { name: file.name, reason: failure.message ?? failure }) });
    }
  }

  const cleanup = new AbortController(), { signal } = cleanup;
  button.addEventListener("click", () => field.click(), { signal });
  field.addEventListener("change", () => {
    send(field.files[0]);
    field.value = ""; // the same file can be chosen again
  }, { signal });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    root.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation(); // JupyterLab would put the file into its folder
      root.classList.toggle("cnnviz-over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") send(event.dataTransfer.files[0]);
    }, { signal });
  }
  const forget = observe(model, { "change:description change:tooltip": show });
  show();

  return () => {
    cleanup.abort();
    forget();
    root.remove();
  };
}

export default { render };
