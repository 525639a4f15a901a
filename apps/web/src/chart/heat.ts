import { instantOf } from "../format/time.ts";
import { t } from "../i18n/language.ts";
import { aggregateOf } from "./accumulator.ts";
import { OTHER, type Scene, skippedNote } from "./scene.ts";
import { groupRows, type Place } from "./xy-groups.ts";

type HeatCell = { x: number; y: number; value: number; exact: string; row: number };
export type Heat = {
  kind: "heat";
  /** Names along and up, as the engine wrote them. */
  across: string[];
  up: string[];
  cells: HeatCell[];
  least: number;
  greatest: number;
  notes: string[];
};

const MOST_ACROSS = 200;
const MOST_UP = 60;

/** A value for each pair of names. What does not fit on 200 × 60 is left out, the smallest first. */
export function readHeat(scene: Scene): Heat {
  const { config } = scene;
  const across = groupRows(
    { ...scene, config: { ...config, series: null, y: config.y.slice(0, 1) } },
    "category",
    Math.min(config.most ?? MOST_ACROSS, MOST_ACROSS),
  );
  const pairs = pairRows(scene);
  const kept = new Set(across.places.filter((place) => place !== OTHER));
  const xs = sorted([...kept], config.sort);
  const ys = sorted(fullest(pairs), config.sort);
  const xIndex = new Map(xs.map((name, index) => [name, index]));
  const cells = ys.flatMap((name, y) =>
    [...(pairs.get(name) ?? [])].flatMap(([place, cell]): HeatCell[] => {
      const x = xIndex.get(String(place));
      return x === undefined ? [] : [{ x, y, value: Number(cell.exact), ...cell }];
    }),
  );
  const values = cells.map((cell) => cell.value);
  const hidden = across.places.length - xs.length + (pairs.size - ys.length);
  return {
    kind: "heat",
    across: xs,
    up: ys,
    cells,
    least: values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    greatest: values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
    notes: [
      ...(hidden > 0
        ? [
            t(
              "{n} name is left out: there are too many. | {n} names are left out: there are too many.",
              { n: hidden },
            ),
          ]
        : []),
      ...skippedNote(across.skipped),
    ],
  };
}

type Found = Map<Place, { exact: string; row: number }>;

/** Every value by its name up and its name along. */
function pairRows(scene: Scene): Map<string, Found> {
  const aggregate = scene.config.aggregate ?? "sum";
  const all = groupRows(
    { ...scene, config: { ...scene.config, stacked: false, y: scene.config.y.slice(0, 1) } },
    "category",
    null,
    Number.POSITIVE_INFINITY,
  );
  return new Map(
    all.groups.map((group) => [
      group.id,
      new Map(
        [...group.places].flatMap(([place, sum]) => {
          const exact = aggregateOf(sum, aggregate);
          return exact === null ? [] : [[place, { exact, row: sum.row }] as const];
        }),
      ),
    ]),
  );
}

/** Names up in the order of the rows; of too many those with the most values. */
function fullest(pairs: Map<string, Found>): string[] {
  const names = [...pairs.keys()];
  if (names.length <= MOST_UP) return names;
  const size = (name: string) => pairs.get(name)?.size ?? 0;
  const kept = new Set([...names].sort((a, b) => size(b) - size(a)).slice(0, MOST_UP));
  return names.filter((name) => kept.has(name));
}

const collator = new Intl.Collator(undefined, { numeric: true });

function sorted(names: Place[], sort: string | undefined): string[] {
  const texts = names.map(String);
  const dated = texts.length > 0 && texts.every((text) => instantOf(text) !== null);
  if (dated) return texts.sort((a, b) => (instantOf(a) ?? 0) - (instantOf(b) ?? 0));
  const numeric = texts.every((text) => text !== "" && Number.isFinite(Number(text)));
  if (sort === "x" || numeric) return texts.sort(collator.compare);
  return texts;
}
