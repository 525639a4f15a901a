/** After Okabe and Ito: told apart with every common colour blindness, and with 3:1 against both surfaces. */
const LIGHT = [
  "#4f46e5",
  "#c77700",
  "#00805d",
  "#b4508a",
  "#2583b8",
  "#c24e00",
  "#7a6f00",
  "#61616b",
];
const DARK = [
  "#8b93f8",
  "#f0b33f",
  "#2cc295",
  "#e59bc5",
  "#7cc7f2",
  "#f58a4b",
  "#d8d05a",
  "#a8a8b3",
];

export type Ink = { text: string; faint: string; line: string; surface: string; colors: string[] };

export function inkOf(dark: boolean): Ink {
  return dark
    ? { text: "#d4d4d8", faint: "#a1a1aa", line: "#3f3f46", surface: "#18181b", colors: DARK }
    : { text: "#3f3f46", faint: "#71717a", line: "#e4e4e7", surface: "#ffffff", colors: LIGHT };
}
