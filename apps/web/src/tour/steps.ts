import { t } from "../i18n/language.ts";

export type TourStep = {
  title: string;
  words: string;
  /** What is noticed when it is done; the next step then comes by itself. */
  until: "editor_open" | "run_succeeded" | "query_saved" | "chart_saved" | "tile_added";
};

/** From nothing to a tile on a dashboard: each step is something real, and stays when the tour is over. */
export const TOUR: readonly TourStep[] = [
  {
    title: t("Open a question"),
    words: t(
      "The editor opens with SQL on the demo's flights. It is an ordinary query: change what you like.",
    ),
    until: "editor_open",
  },
  {
    title: t("Run it"),
    words: t("Press Run above the editor. While it runs you see the first rows; Esc cancels it."),
    until: "run_succeeded",
  },
  {
    title: t("Save it"),
    words: t("Press Save and give it a name. Every save is a version that you can come back to."),
    until: "query_saved",
  },
  {
    title: t("Make a chart of it"),
    words: t(
      "Choose Chart beside Table, below the editor. Pick what goes along and up, then save the chart.",
    ),
    until: "chart_saved",
  },
  {
    title: t("Put it on a dashboard"),
    words: t(
      "Make a dashboard, press Edit, and add your chart as a tile. Drag it where you want it, and save.",
    ),
    until: "tile_added",
  },
];
