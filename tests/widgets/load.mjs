// A widget's .js file as a module: the package has no package.json that would tell node that they are modules.
import { readFileSync } from "node:fs";

export const widget = (name) => {
  const source = readFileSync(new URL(`../../cnnviz_widgets/widgets/${name}.js`, import.meta.url));
  return import(`data:text/javascript;base64,${source.toString("base64")}`);
};
