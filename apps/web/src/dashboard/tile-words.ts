/** What a tile says of itself in a word or a line. */
import type { Tile } from "@quern/contract/tiles";
import { t } from "../i18n/language.ts";
import { isTerminal } from "../words/runs.ts";
import type { ChartTile } from "./draft.ts";
import type { TileState } from "./tile-states.ts";

/** What people call the tile. */
export function tileName(tile: Tile): string {
  if (tile.title !== null && tile.title.trim() !== "") return tile.title;
  switch (tile.type) {
    case "visualization":
      return tile.visualization?.name ?? t("A chart that is gone");
    case "text":
      return textName(tile.content);
    case "section":
      return t("Section");
  }
}

/** The first words of a text, without the marks around them. */
function textName(content: string): string {
  const line = content.split("\n").find((each) => /\p{L}|\p{N}/u.test(each)) ?? "";
  const words = line.replace(/^[\s#>*+-]+/, "").slice(0, 60);
  return words === "" ? t("Text") : words;
}

type TroubleWords = { icon: string; title: string; words: string };

/** Why a tile can show nothing at all, and what to do. */
export function troubleWords(trouble: NonNullable<ChartTile["trouble"]>): TroubleWords {
  switch (trouble) {
    case "visualization_deleted":
      return {
        icon: "i-lucide-chart-no-axes-column",
        title: t("Its chart was deleted"),
        words: t("Remove the tile, or choose another chart for it."),
      };
    case "query_deleted":
      return {
        icon: "i-lucide-file-x-2",
        title: t("Its query was deleted"),
        words: t("Bring the query back, or choose another chart for the tile."),
      };
    case "datasource_deleted":
      return {
        icon: "i-lucide-database",
        title: t("Its datasource is gone"),
        words: t("An admin can connect the database again; then the query needs that datasource."),
      };
    case "not_allowed":
      return {
        icon: "i-lucide-lock",
        title: t("Its data is not open to you"),
        words: t(
          "The tile’s datasource is not granted to a group of yours. An admin can change that.",
        ),
      };
  }
}

type AgeTone = "fresh" | "stale" | "failing";

/** How old the shown result may get before its age is shown in amber. */
export function oldestFreshS(maxAgeS: number, refreshS: number | null): number {
  return Math.max(30, refreshS === null ? maxAgeS : Math.max(refreshS * 2, 30));
}

export function ageTone(
  { failure, last_good }: Pick<TileState, "failure" | "last_good">,
  now: number,
  freshS: number,
): AgeTone {
  if (failure !== null) return "failing";
  const stale = last_good !== null && now - Date.parse(last_good.finished_at) > freshS * 1000;
  return stale ? "stale" : "fresh";
}

export function isGoingOn({ run }: Pick<TileState, "run">): boolean {
  return run !== null && !isTerminal(run.status);
}

/** The oldest result among those shown; null while there is none. */
export function oldestShown(states: Iterable<Pick<TileState, "last_good">>): string | null {
  let oldest: string | null = null;
  for (const { last_good } of states)
    if (last_good !== null && (oldest === null || last_good.finished_at < oldest))
      oldest = last_good.finished_at;
  return oldest;
}
