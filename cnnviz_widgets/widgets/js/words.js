// @ts-check
// What the browser's halves say, in the language of the kernel: the loader tells it to this module first.

/** @type {Record<string, string[]>} */
let words = {}; // message -> its translations: one, or one for each plural form
let plural = new Intl.PluralRules("en");

/** @param {{ language: string, words: Record<string, string[]> }} given */
export function speak(given) {
  words = given.words;
  plural = new Intl.PluralRules(given.language);
}

/** The number of the plural form that a count takes, of so many: gettext's order for the languages that we have. */
const form = (/** @type {number} */ count, /** @type {number} */ forms) => {
  const at = ["one", "few"].indexOf(plural.select(count));
  return at < 0 ? forms - 1 : Math.min(at, forms - 1);
};

/**
 * A text in the language that is set, with values in the places of {names}. ``n`` is the one that is counted; where the
 * English has two forms, ``many`` is that for all numbers but 1.
 * @param {string} text
 * @param {Record<string, string | number>} [values]
 * @param {string} [many]
 */
export function say(text, values = {}, many = text) {
  const count = Number(String(values.n ?? 1).replaceAll(",", "")), forms = words[text] ?? [text, many];
  return forms[form(count, forms.length)].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
