/** A chart's settings in the page's address: readable words for its columns, the rest as one short text. */
import { ChartConfig } from "@quern/contract/chart-config";

/** The parts of the address that hold a chart's settings: taken out when another view is shown. */
export const NO_CHART = {
  type: null,
  x: null,
  y: null,
  series: null,
  stacked: null,
  horizontal: null,
  look: null,
};

type Parts = Record<keyof typeof NO_CHART, string | string[] | null>;
/** An address that is longer is refused by servers on the way. */
const LONGEST = 4_000;
const KEPT = "quern:chart-look";

export function toAddress(config: ChartConfig): Parts {
  const { type, x, y, series, stacked, horizontal, ...look } = config;
  const rest = JSON.stringify(look);
  return {
    type,
    x,
    y,
    series,
    stacked: stacked ? "1" : null,
    horizontal: horizontal ? "1" : null,
    look: rest === "{}" ? null : keptShort(rest),
  };
}

/** Long settings, of a table of a thousand columns, stay in this tab, and the address says that they do. */
function keptShort(text: string): string {
  if (text.length <= LONGEST) return text;
  sessionStorage.setItem(KEPT, text);
  return "kept";
}

/** The chart that the address describes; null when it describes none, or one that no version of Quern can draw. */
export function fromAddress(read: {
  text: (key: string) => string | null;
  list: (key: string) => string[];
}): ChartConfig | null {
  const type = read.text("type");
  if (type === null) return null;
  const [first] = read.list("x");
  const parsed = ChartConfig.safeParse({
    ...parseLook(read.text("look")),
    type,
    x: first ?? null,
    y: read.list("y"),
    series: read.list("series")[0] ?? null,
    stacked: read.text("stacked") === "1",
    horizontal: read.text("horizontal") === "1",
  });
  return parsed.success ? parsed.data : null;
}

function parseLook(text: string | null): object {
  const kept = text === "kept" ? sessionStorage.getItem(KEPT) : text;
  if (kept === null) return {};
  try {
    const look: unknown = JSON.parse(kept);
    return typeof look === "object" && look !== null ? look : {};
  } catch (error) {
    // An address that was cut short somewhere still shows its columns.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
