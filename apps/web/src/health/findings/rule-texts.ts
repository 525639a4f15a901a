/**
 * What the advisors say, in the person's language. The rules are English and live on the server; a catalogue of its own
 * has their texts, so that pages without findings need not load it.
 */
import type { Message } from "@quern/contract/health/findings";
import { shallowRef } from "vue";
import { language } from "../../i18n/language.ts";
import { formatCount } from "../../words/count.ts";
import { formatInstant } from "../../words/instants.ts";

const catalogue = shallowRef<Record<string, string>>({});
if (language === "fr") {
  void import("../../i18n/advisors.fr.json").then(({ default: texts }) => {
    catalogue.value = texts;
  });
}

/** `text` with its values; in English where the catalogue lacks it, as for findings of an older server. */
export function ruleText(text: string, values: Message["values"] = {}): string {
  return fillPlaces(catalogue.value, text, values);
}

/** The words of a fix or the reason of a state: by their message where they hold values. */
export function ruleWords(words: string, message: Message | null): string {
  return message ? ruleText(message.text, message.values) : ruleText(words);
}

/** What an evidence's key says to people: `temp_bytes_per_call` is "Temp bytes per call"; null where the catalogue has none. */
export function evidenceText(key: string): string | null {
  return catalogue.value[key] ?? null;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/;

/** Values that are texts of the catalogue, such as the name of a section, are said in its language, too. */
export function fillPlaces(
  texts: Readonly<Record<string, string>>,
  text: string,
  values: Message["values"],
): string {
  const said = texts[text] ?? text;
  return said.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = values[name];
    if (value === undefined) return place;
    if (typeof value === "number") return formatCount(value);
    return INSTANT.test(value) ? formatInstant(value) : (texts[value] ?? value);
  });
}
