import type { Tone } from "@quern/contract/chart-config";

/**
 * Eight colours for each theme, searched for so that with normal sight, protanopia and deuteranopia (as Machado 2009 simulates
 * them) any two are 0.14 or more apart in OKLab, and each has 3:1 against its surface: palette.test.ts measures it.
 */
export const LIGHT = [
  "#4f46e5",
  "#de6d00",
  "#00a698",
  "#5c058b",
  "#788cfb",
  "#ab2c05",
  "#147082",
  "#6d0d34",
];
export const DARK = [
  "#8b93f8",
  "#e37902",
  "#10b89d",
  "#a347a4",
  "#78d4ff",
  "#c63648",
  "#85f9c0",
  "#ffb902",
];

export type Ink = {
  text: string;
  faint: string;
  line: string;
  surface: string;
  /** What stands for the rest of something. */
  other: string;
  colors: string[];
  tones: Record<Tone, string>;
  /** From little to much: one hue, away from the surface. */
  scale: string[];
  /** Land without a value. */
  land: string;
};

const light: Ink = {
  text: "#3f3f46",
  faint: "#71717a",
  line: "#e4e4e7",
  surface: "#ffffff",
  other: "#a1a1aa",
  colors: LIGHT,
  tones: { good: "#15803d", neutral: "#52525b", warning: "#b45309", bad: "#b91c1c" },
  scale: ["#e0e3fd", "#a5acf7", "#6d6ff0", "#4338ca", "#2a2382"],
  land: "#f1f1f3",
};
const dark: Ink = {
  text: "#d4d4d8",
  faint: "#a1a1aa",
  line: "#3f3f46",
  surface: "#18181b",
  other: "#71717a",
  colors: DARK,
  tones: { good: "#4ade80", neutral: "#a1a1aa", warning: "#fbbf24", bad: "#f87171" },
  scale: ["#2a2a4d", "#423f92", "#6259d6", "#8b93f8", "#d5d9ff"],
  land: "#27272a",
};

export const inkOf = (isDark: boolean): Ink => (isDark ? dark : light);
