// The only script that travels with every widget: it finds the files of all of them, unpacks them once, and hands over.

const PATIENCE = 100; // times 50 ms, for the model that has the files: a page that is loaded again makes all at once

/** The model that a widget's reference "IPY_MODEL_…" names. */
async function referred(manager, reference) {
  for (let tries = 1; ; tries++) {
    try {
      return await manager.get_model(reference.replace("IPY_MODEL_", ""));
    } catch (error) {
      if (tries === PATIENCE) throw error;
      await new Promise((later) => setTimeout(later, 50));
    }
  }
}

/** { load(path): a module, css(path): a style sheet for the page, tables } of packed files; says which language it is. */
async function unpack(data) {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { files, tables, spoken } = await new Response(stream).json();
  const addresses = {};
  const address = (path) => {
    const text = () => files[path].replace(/(from\s*")([^"]+)"/g, (_, from, other) => `${from}${address(new URL(other, `file:///${path}`).pathname.slice(1))}"`);
    return (addresses[path] ??= URL.createObjectURL(new Blob([text()], { type: "text/javascript" })));
  };
  const sheets = {};
  const css = (path) => {
    if (!(path in files) || sheets[path]?.isConnected) return;
    sheets[path] = document.createElement("style");
    sheets[path].textContent = files[path];
    document.head.append(sheets[path]);
  };
  if (spoken) (await import(address("js/words.js"))).speak(spoken);
  const bytes = Object.entries(tables).map(([name, text]) => [name, Uint8Array.from(atob(text), (one) => one.charCodeAt(0))]);
  return { load: (path) => import(address(path)), css, tables: Object.fromEntries(bytes) };
}

const loaded = {}; // by path: what a view needs at once, or it would be painted empty first

/** The default export of a widget's module, and what all modules may use. */
async function half(model) {
  const manager = model.widget_manager;
  const unpacked = (globalThis.cnnvizFrontEnds ??= new WeakMap()); // of this page, by the model that has the files
  const front = await referred(manager, model.get("_front_end"));
  if (!unpacked.has(front)) unpacked.set(front, unpack(front.get("data")));
  const { load, css, tables } = await unpacked.get(front), path = model.get("_module");
  css("button.css"); // that several widgets have
  css(path.replace(/js$/, "css"));
  return (loaded[path] = { ...(await load(path)).default, tables });
}

export default {
  /** Returns at once: a model that has not begun after two seconds is given up by anywidget, and hears nothing more. */
  initialize(props) {
    let end = () => {};
    let ended = false;
    const begin = async () => {
      const { initialize } = await half(props.model);
      if (!ended) end = (await initialize?.(props)) ?? end;
    };
    begin().catch(() => {}); // render fails for the same reason, and is heard
    return () => {
      ended = true;
      end();
    };
  },
  render(props) {
    const draw = ({ render, tables }) => render({ ...props, tables });
    const known = loaded[props.model.get("_module")];
    return known ? draw(known) : half(props.model).then(draw);
  },
};
