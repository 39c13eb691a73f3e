// @ts-check
// A little of Markdown, for sentences: `code`, *emphasis* and **strong** words.

import { element } from "./dom.js";

/** What is marked in a text: ["", plain], ["code", …], ["em", …] and ["strong", …], in its order.
 * @param {string} text
 */
export function marked(text) {
  const parts = text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s](?:[^*]*[^*\s])?\*)/).filter((part) => part);
  return parts.map((part) => {
    if (/^`.+`$/s.test(part)) return ["code", part.slice(1, -1)];
    if (/^\*\*.+\*\*$/s.test(part)) return ["strong", part.slice(2, -2)];
    return /^\*.+\*$/s.test(part) ? ["em", part.slice(1, -1)] : ["", part];
  });
}

/** The same as nodes of the page.
 * @param {string} text
 */
export const typeset = (text) =>
  marked(text).map(([tag, words]) => (tag ? element(/** @type {"em"} */ (tag), "", {}, words) : words));
