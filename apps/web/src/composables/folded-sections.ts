import type { Tile } from "@quern/contract/tiles";
import { computed } from "vue";
import { useStored } from "./stored.ts";

type Choices = Record<string, boolean>;
const isChoices = (value: unknown): value is Choices =>
  typeof value === "object" &&
  value !== null &&
  Object.values(value).every((each) => typeof each === "boolean");

/** Which sections of a dashboard are folded: as the person left them, else as the dashboard says. */
export function useFoldedSections(dashboardId: string, tiles: () => Tile[]) {
  const choices = useStored<Choices>(`dashboard.folded.${dashboardId}`, isChoices, {});
  const folded = computed(
    () =>
      new Set(
        tiles().flatMap((tile) =>
          tile.type === "section" && (choices.value[tile.id] ?? tile.collapsed) ? [tile.id] : [],
        ),
      ),
  );
  return {
    folded,
    fold(id: string): void {
      choices.value = { ...choices.value, [id]: !folded.value.has(id) };
    },
  };
}
