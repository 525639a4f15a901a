import type { ChartConfig } from "@quern/contract/chart-config";
import { language } from "../../i18n/language.ts";

export type MapName = NonNullable<ChartConfig["regions"]>;

/** ISO 3166-2 code, English name, French name: of the outlines beside this file. */
const REGIONS: Record<MapName, [code: string, english: string, french: string][]> = {
  "canada-provinces": [
    ["CA-AB", "Alberta", "Alberta"],
    ["CA-BC", "British Columbia", "Colombie-Britannique"],
    ["CA-MB", "Manitoba", "Manitoba"],
    ["CA-NB", "New Brunswick", "Nouveau-Brunswick"],
    ["CA-NL", "Newfoundland and Labrador", "Terre-Neuve-et-Labrador"],
    ["CA-NS", "Nova Scotia", "Nouvelle-Écosse"],
    ["CA-NT", "Northwest Territories", "Territoires du Nord-Ouest"],
    ["CA-NU", "Nunavut", "Nunavut"],
    ["CA-ON", "Ontario", "Ontario"],
    ["CA-PE", "Prince Edward Island", "Île-du-Prince-Édouard"],
    ["CA-QC", "Québec", "Québec"],
    ["CA-SK", "Saskatchewan", "Saskatchewan"],
    ["CA-YT", "Yukon", "Yukon"],
  ],
  "us-states": [
    ["US-AK", "Alaska", "Alaska"],
    ["US-AL", "Alabama", "Alabama"],
    ["US-AR", "Arkansas", "Arkansas"],
    ["US-AZ", "Arizona", "Arizona"],
    ["US-CA", "California", "Californie"],
    ["US-CO", "Colorado", "Colorado"],
    ["US-CT", "Connecticut", "Connecticut"],
    ["US-DC", "District of Columbia", "Washington"],
    ["US-DE", "Delaware", "Delaware"],
    ["US-FL", "Florida", "Floride"],
    ["US-GA", "Georgia", "Géorgie"],
    ["US-HI", "Hawaii", "Hawaï"],
    ["US-IA", "Iowa", "Iowa"],
    ["US-ID", "Idaho", "Idaho"],
    ["US-IL", "Illinois", "Illinois"],
    ["US-IN", "Indiana", "Indiana"],
    ["US-KS", "Kansas", "Kansas"],
    ["US-KY", "Kentucky", "Kentucky"],
    ["US-LA", "Louisiana", "Louisiane"],
    ["US-MA", "Massachusetts", "Massachusetts"],
    ["US-MD", "Maryland", "Maryland"],
    ["US-ME", "Maine", "Maine"],
    ["US-MI", "Michigan", "Michigan"],
    ["US-MN", "Minnesota", "Minnesota"],
    ["US-MO", "Missouri", "Missouri"],
    ["US-MS", "Mississippi", "Mississippi"],
    ["US-MT", "Montana", "Montana"],
    ["US-NC", "North Carolina", "Caroline du Nord"],
    ["US-ND", "North Dakota", "Dakota du Nord"],
    ["US-NE", "Nebraska", "Nebraska"],
    ["US-NH", "New Hampshire", "New Hampshire"],
    ["US-NJ", "New Jersey", "New Jersey"],
    ["US-NM", "New Mexico", "Nouveau-Mexique"],
    ["US-NV", "Nevada", "Nevada"],
    ["US-NY", "New York", "État de New York"],
    ["US-OH", "Ohio", "Ohio"],
    ["US-OK", "Oklahoma", "Oklahoma"],
    ["US-OR", "Oregon", "Oregon"],
    ["US-PA", "Pennsylvania", "Pennsylvanie"],
    ["US-RI", "Rhode Island", "Rhode Island"],
    ["US-SC", "South Carolina", "Caroline du Sud"],
    ["US-SD", "South Dakota", "Dakota du Sud"],
    ["US-TN", "Tennessee", "Tennessee"],
    ["US-TX", "Texas", "Texas"],
    ["US-UT", "Utah", "Utah"],
    ["US-VA", "Virginia", "Virginie"],
    ["US-VT", "Vermont", "Vermont"],
    ["US-WA", "Washington", "Washington"],
    ["US-WI", "Wisconsin", "Wisconsin"],
    ["US-WV", "West Virginia", "Virginie-Occidentale"],
    ["US-WY", "Wyoming", "Wyoming"],
  ],
};

/** What people write besides: postal codes of old, short names. */
const ALIASES: Record<MapName, Record<string, string>> = {
  "canada-provinces": {
    PQ: "CA-QC",
    NF: "CA-NL",
    Newfoundland: "CA-NL",
    "Terre-Neuve": "CA-NL",
    PEI: "CA-PE",
    IPE: "CA-PE",
    NWT: "CA-NT",
    "Yukon Territory": "CA-YT",
  },
  "us-states": { "Washington DC": "US-DC", "Washington D.C.": "US-DC", "New York State": "US-NY" },
};

/** Accents, case and punctuation aside. */
const fold = (text: string): string =>
  text
    .normalize("NFD")
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");

const indexes = new Map<MapName, Map<string, string>>();

function indexOf(map: MapName): Map<string, string> {
  const known = indexes.get(map);
  if (known) return known;
  const index = new Map<string, string>();
  const add = (text: string, code: string) => {
    // English before French: Washington is the state, which the capital is called in French.
    if (!index.has(fold(text))) index.set(fold(text), code);
  };
  for (const [code, english] of REGIONS[map]) {
    add(code, code);
    add(code.slice(3), code);
    add(english, code);
  }
  for (const [code, , french] of REGIONS[map]) add(french, code);
  for (const [text, code] of Object.entries(ALIASES[map])) add(text, code);
  indexes.set(map, index);
  return index;
}

/** The ISO 3166-2 code of what may be a code (`CA-ON`, `ON`) or a name in English or French; null when it is none. */
export function regionCode(map: MapName, text: string): string | null {
  return indexOf(map).get(fold(text)) ?? null;
}

/** A region's name in the person's language. */
export function regionName(map: MapName, code: string): string {
  const region = REGIONS[map].find((each) => each[0] === code);
  return region?.[language === "fr" ? 2 : 1] ?? code;
}

export const MAP_NAMES: MapName[] = ["canada-provinces", "us-states"];

/** The map that knows the most of these names, and how many of them; null when none knows any. */
export function bestMap(names: string[]): { map: MapName; known: number } | null {
  const counts = MAP_NAMES.map((map) => ({
    map,
    known: names.filter((name) => regionCode(map, name) !== null).length,
  })).sort((a, b) => b.known - a.known);
  return counts[0] !== undefined && counts[0].known > 0 ? counts[0] : null;
}
