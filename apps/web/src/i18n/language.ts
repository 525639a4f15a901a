/**
 * The words of the app. English stands in the code, whole sentences at a time; another language is one file beside this
 * one, from each English text to its own. The language is chosen before anything else is loaded and stays until the page
 * is loaded anew, so `t` works everywhere, in constants too.
 */
import type { Locale, Messages } from "@nuxt/ui";
import { createI18n } from "vue-i18n";
import { z } from "zod";

export const LANGUAGES = { en: "English", fr: "Français" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "quern:language";
/** Our texts, and those that the components bring along. */
const catalogues: Partial<
  Record<Language, () => Promise<[{ default: unknown }, { default: Locale<Messages> }]>>
> = {
  fr: () => Promise.all([import("./fr.json"), import("@nuxt/ui/runtime/locale/fr.js")]),
};

const i18n = createI18n({
  legacy: false,
  locale: "en",
  messages: { en: {}, fr: {} } as Record<Language, Record<string, string>>,
  fallbackFormat: true,
  missingWarn: false,
  fallbackWarn: false,
  warnHtmlMessage: false,
  // A text is its own key, dots and all.
  messageResolver: (messages, text) => (messages as Record<string, string>)[text] ?? null,
  // French says "0 ligne": what is below two is one.
  pluralRules: { fr: (count, choices) => (Math.abs(count) < 2 ? 0 : Math.min(1, choices - 1)) },
});

/** The language that was chosen on this device, else the browser's when there is a catalogue for it, else English. */
export const language: Language = chosen() ?? "en";

function chosen(): Language | undefined {
  const known = (text: string | null): text is Language =>
    text !== null && Object.hasOwn(LANGUAGES, text);
  const stored = globalThis.localStorage?.getItem(KEY) ?? null;
  if (known(stored)) return stored;
  return globalThis.navigator?.languages?.map((each) => each.slice(0, 2)).find(known);
}

let catalogue: Record<string, string> = {};

/** The texts of Nuxt UI's components in the language; undefined for their own, English. */
export let componentTexts: Locale<Messages> | undefined;

/** Loads the catalogue of the language; until then, and for texts that it lacks, English is said. */
export async function loadLanguage(): Promise<void> {
  const load = catalogues[language];
  if (load === undefined) return;
  const [texts, components] = await load();
  catalogue = z.record(z.string(), z.string()).parse(texts.default);
  componentTexts = components.default;
  i18n.global.setLocaleMessage(language, catalogue);
  i18n.global.locale.value = language;
}

/** Keeps the choice on this device and shows the page anew in it; nothing happens for the language that it is in. */
export function chooseLanguage(next: Language): void {
  if (next === language) return;
  localStorage.setItem(KEY, next);
  location.reload();
}

const whole = new Intl.NumberFormat(language);

/**
 * `text` in the person's language, with `{name}`s out of `values`; numbers get their separators. A text with ` | ` has a
 * form for one and a form for many, chosen by `values.n`: `t("{n} row | {n} rows", { n })`. `values.as` tells apart what
 * English has one word for: `t("Run", { as: "noun" })` is `Run [noun]` in a catalogue.
 */
export function t(text: string, values: Record<string, string | number> = {}): string {
  const { n, as } = values;
  const words = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === "number" ? whole.format(value) : value,
    ]),
  );
  const special = `${text} [${as}]`;
  const key = as !== undefined && special in catalogue ? special : text;
  return typeof n === "number" ? i18n.global.t(key, words, n) : i18n.global.t(key, words);
}
