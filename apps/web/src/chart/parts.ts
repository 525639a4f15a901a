/** Pie and funnel: one value for each name. */
import { t } from "../i18n/language.ts";
import { aggregateOf } from "./accumulator.ts";
import { nameWords, OTHER, type Scene, skippedNote } from "./scene.ts";
import { type SeriesLook, seriesLook } from "./series-look.ts";
import { type Groups, groupRows, type Place } from "./xy-groups.ts";

export type Part = SeriesLook & {
  exact: string;
  value: number;
  /** Of the whole, from 0 to 1. */
  share: number;
  /** Of a funnel: of the step before it; null for the first. */
  kept: number | null;
  row: number | null;
};
export type Parts = { kind: "parts"; parts: Part[]; notes: string[] };

/** More slices than this are thinner than a finger. */
const MAX_SLICES = 12;
const MAX_STEPS = 30;

/** The slices of a pie, the largest first, or the steps of a funnel in the order of the rows. */
export function readParts(scene: Scene): Parts {
  const pie = scene.config.type === "pie";
  const most = Math.min(scene.config.most ?? 1_000, pie ? MAX_SLICES - 1 : MAX_STEPS);
  // One slice put together from one alone would hide its name.
  const single: Scene = {
    ...scene,
    config: { ...scene.config, series: null, y: scene.config.y.slice(0, 1) },
  };
  const whole = groupRows(single, "category", null);
  const room = pie && scene.config.most === undefined ? MAX_SLICES : most;
  const groups = whole.places.length > room ? groupRows(single, "category", most) : whole;
  const found = partsOf(single, groups).filter((part) => part.value > 0);
  const total = found.reduce((sum, part) => sum + part.value, 0);
  const ordered = pie ? bySize(found) : inOrder(found, scene);
  const shown = ordered.map((part, index) => ({
    ...part,
    ...seriesLook(scene.config, part, index),
    share: part.value / total,
    kept: index === 0 ? null : part.value / ordered[index - 1]!.value,
  }));
  const unfit = groups.places.length - found.length;
  return {
    kind: "parts",
    parts: shown,
    notes: [
      ...(groups.places.includes(OTHER)
        ? [t("The smallest are put together as “{name}”.", { name: nameWords(OTHER) })]
        : []),
      ...(unfit > 0
        ? [
            t(
              "{n} name without a value above zero is not drawn. | {n} names without a value above zero are not drawn.",
              { n: unfit },
            ),
          ]
        : []),
      ...(groups.merged ? [t("Rows of the same name are put together.")] : []),
      ...skippedNote(groups.skipped),
    ],
  };
}

function partsOf(scene: Scene, { places, groups }: Groups): Part[] {
  const [group] = groups;
  return places.map((place: Place) => {
    const sum = group?.places.get(place);
    const exact = (sum && aggregateOf(sum, scene.config.aggregate ?? "sum")) ?? "0";
    const id = String(place);
    return {
      ...seriesLook(scene.config, { id }, 0),
      exact,
      value: Number(exact),
      share: 0,
      kept: null,
      row: sum?.row ?? null,
    };
  });
}

function bySize(parts: Part[]): Part[] {
  const named = parts.filter((part) => part.id !== OTHER).sort((a, b) => b.value - a.value);
  return [...named, ...parts.filter((part) => part.id === OTHER)];
}

function inOrder(parts: Part[], { config }: Scene): Part[] {
  if (config.sort === "value_ascending") return bySize(parts).reverse();
  if (config.sort === "value_descending") return bySize(parts);
  const rest = parts.filter((part) => part.id === OTHER);
  return [...parts.filter((part) => part.id !== OTHER), ...rest];
}
