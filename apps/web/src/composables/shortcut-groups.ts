import { t } from "../i18n/language.ts";
import { MOD } from "./shortcuts.ts";

/** Keys that belong together, with what each does, for the sheet. `on`: the pages that have them; null for many. */
export type ShortcutGroup = {
  page: string;
  on: RegExp | null;
  keys: [words: string, keys: string[]][];
};

/** Every key of the app by page, as the sheet lists them. Who adds a key with `useShortcuts` says it here. */
export const SHORTCUTS: readonly ShortcutGroup[] = [
  {
    page: t("Anywhere"),
    on: null,
    keys: [
      [t("Search and commands"), [MOD, "K"]],
      [t("Focus the search field"), ["/"]],
      [t("Write a new query"), ["C"]],
      [t("Go home"), ["G", "H"]],
      [t("Go to queries"), ["G", "Q"]],
      [t("Go to runs"), ["G", "R"]],
      [t("Go to dashboards"), ["G", "D"]],
      [t("Go to schedules"), ["G", "S"]],
      [t("Go to projects"), ["G", "P"]],
      [t("Go to databases"), ["G", "B"]],
      [t("Go to admin"), ["G", "A"]],
      [t("Fold the sidebar"), ["["]],
      [t("This sheet"), ["?"]],
    ],
  },
  {
    page: t("Query"),
    on: /^\/queries\/./,
    keys: [
      [t("Run everything"), [MOD, "↵"]],
      [t("Run the selection, or the statement at the cursor"), [MOD, "⇧", "↵"]],
      [t("Cancel the run"), ["Esc"]],
      [t("Save"), [MOD, "S"]],
      [t("Suggest"), ["Ctrl", t("Space")]],
      [t("Explain, without executing"), [MOD, "E"]],
      [t("Format the text or the selection"), [MOD, "⇧", "F"]],
      [t("Comment lines"), [MOD, "/"]],
      [t("Find, replace"), [MOD, "F", MOD === "⌘" ? "⌥⌘F" : "H"]],
      [
        t("Another cursor above, below"),
        MOD === "⌘" ? ["⌥", MOD, "↑", "↓"] : [MOD, "Alt", "↑", "↓"],
      ],
      [t("The next place with the same word, too"), [MOD, "D"]],
      [t("Fold, unfold"), [MOD, MOD === "⌘" ? "⌥" : "⇧", "[", "]"]],
      [t("Next fault in the text"), ["F8"]],
      [t("The tab to the left, right"), [MOD, MOD === "⌘" ? "⌥" : "Alt", "←", "→"]],
      [t("On a tab: move it left, right"), [MOD === "⌘" ? "⌥" : "Alt", "⇧", "←", "→"]],
      [t("On a tab: close it"), ["Del"]],
      [t("Tab leaves the editor, and again"), MOD === "⌘" ? ["Ctrl", "⇧", "M"] : ["Ctrl", "M"]],
    ],
  },
  {
    page: t("Run", { as: "noun" }),
    on: /^\/runs\/./,
    keys: [
      [t("Cancel it"), ["Esc"]],
      [t("Run again"), ["R"]],
      [t("Explain"), ["E"]],
      [t("Compare with another run"), ["D"]],
      [t("Fold or unfold a step of the plan"), ["←", "→"]],
      [t("In a comparison: the next older, newer run"), ["J", "K"]],
    ],
  },
  {
    page: t("Lists"),
    on: null,
    keys: [
      [t("Next, previous"), ["J", "K"]],
      [t("Open"), ["↵"]],
    ],
  },
  {
    page: t("Queries"),
    on: /^\/queries$/,
    keys: [
      [t("Select, or take out"), ["X"]],
      [t("Select up to here"), ["⇧", "X"]],
      [t("Move what is selected to a folder"), ["M"]],
      [t("Tag what is selected"), ["T"]],
      [t("Select nothing"), ["Esc"]],
    ],
  },
  {
    page: t("Folders"),
    on: /^\/queries$/,
    keys: [
      [t("Unfold, fold"), ["→", "←"]],
      [t("Show what is in it"), ["↵"]],
      [t("New folder in it"), ["N"]],
      [t("Rename"), ["F2"]],
      [t("Move to another folder"), ["M"]],
      [t("Delete"), ["Del"]],
    ],
  },
  {
    page: t("Rows"),
    on: /^\/(queries|runs|projects|jobs)\/./,
    keys: [
      [t("Move"), ["←", "→", "↑", "↓"]],
      [t("Extend the selection"), ["⇧", "→"]],
      [t("Copy what is selected"), [MOD, "C"]],
      [t("Select everything"), [MOD, "A"]],
      [t("Look at the cell"), ["↵"]],
      [t("Sort and filter the column"), ["Alt", "↓"]],
    ],
  },
  {
    page: t("Project"),
    on: /^\/projects\/./,
    keys: [
      [t("Run this file as the head"), [MOD, "↵"]],
      [t("Plan only"), [MOD, "⇧", "↵"]],
      [t("Save as a new version"), [MOD, "S"]],
      [t("Cancel it"), ["Esc"]],
      [t("In the files: rename"), ["F2"]],
      [t("In the files: delete"), ["Del"]],
      [t("In the files: new file"), ["Ins"]],
      [t("In the chain: from cell to cell"), ["←", "→", "↑", "↓"]],
      [t("In the chain: open the file"), ["↵"]],
    ],
  },
  {
    page: t("Job"),
    on: /^\/jobs\/./,
    keys: [
      [t("Cancel it"), ["Esc"]],
      [t("Run again"), ["R"]],
    ],
  },
  {
    page: t("Database"),
    on: /^\/databases\/./,
    keys: [
      [t("Refresh now"), ["R"]],
      [t("Compare with a week before"), ["W"]],
      [t("The first to the ninth tab"), ["1", "9"]],
      [t("A statement: open it in the editor"), ["E"]],
      [t("Sessions: the sample before, after"), ["←", "→"]],
      [t("Sessions: the next sample with blocked sessions"), ["⇧", "→"]],
      [t("Events: mark a deploy"), ["C"]],
    ],
  },
  {
    page: t("Findings"),
    on: /^\/findings$/,
    keys: [
      [t("Select, or take out"), ["X"]],
      [t("Select up to here"), ["⇧", "X"]],
      [t("Mute what is selected"), ["M"]],
      [t("Select nothing"), ["Esc"]],
    ],
  },
  {
    page: t("Finding"),
    on: /^\/findings\/./,
    keys: [[t("Mute"), ["M"]]],
  },
  {
    page: t("Projects"),
    on: /^\/projects$/,
    keys: [[t("New project"), ["N"]]],
  },
  {
    page: t("Dashboards"),
    on: /^\/dashboards$/,
    keys: [[t("New dashboard"), ["N"]]],
  },
  {
    page: t("Dashboard"),
    on: /^\/dashboards\/./,
    keys: [
      [t("Edit"), ["E"]],
      [t("Full screen"), ["F"]],
      [t("Refresh now"), ["R"]],
      [t("While editing: save"), [MOD, "S"]],
      [t("While editing: undo, redo"), [MOD, "Z", "⇧"]],
      [t("On a tile: move it"), ["←", "→", "↑", "↓"]],
      [t("On a tile: change its size"), ["⇧", "→", "↓"]],
      [t("On a tile: its settings"), ["↵"]],
      [t("On a tile: remove it"), ["Del"]],
    ],
  },
];
