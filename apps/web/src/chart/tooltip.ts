type Item = {
  seriesName: string;
  color: string;
  value: unknown[];
  data: { exact: string };
  axisValue: unknown;
};
type Row = { name: string; color: string; exact: string; size: number };

const instant = new Intl.DateTimeFormat("en", {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZone: "UTC",
});
const MOST = 16;

function isItem(value: unknown): value is Item {
  return typeof value === "object" && value !== null && "seriesName" in value && "data" in value;
}

function heading(items: Item[], axis: string): string {
  const at = items[0]?.axisValue;
  if (axis !== "time") return String(at ?? "");
  const text = instant.format(new Date(Number(at)));
  return text.replace(/, 00:00$/, "");
}

/** The hover box: series by value, the largest first. Built of nodes, so that no value can be markup. */
export function tooltipElement(params: unknown, axis: string): HTMLElement {
  const items = (Array.isArray(params) ? params : [params]).filter(isItem);
  const rows: Row[] = items
    .map((item) => ({
      name: item.seriesName,
      color: item.color,
      exact: item.data.exact,
      size: Number(item.data.exact),
    }))
    .sort((a, b) => b.size - a.size);
  const box = element(
    "div",
    "rounded-md border border-default bg-default px-2.5 py-2 text-xs text-default shadow-lg",
  );
  box.append(element("p", "mb-1 font-medium text-highlighted", heading(items, axis)));
  for (const row of rows.slice(0, MOST)) {
    const line = element("p", "flex items-center gap-2");
    const dot = element("span", "size-2 shrink-0 rounded-sm");
    dot.style.background = row.color;
    line.append(
      dot,
      element("span", "max-w-56 flex-1 truncate", row.name),
      element("span", "numbers font-medium", row.exact),
    );
    box.append(line);
  }
  if (rows.length > MOST)
    box.append(element("p", "mt-1 text-muted", `and ${rows.length - MOST} more`));
  return box;
}

function element(tag: string, classes: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = classes;
  made.textContent = text;
  return made;
}
