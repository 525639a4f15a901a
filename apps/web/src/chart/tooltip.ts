import { t } from "../i18n/language.ts";

export type TipRow = { name: string; color: string | null; words: string; exact: string | null };
/** What the hover box says: the place, and what is there, in the order given. */
export type Tip = { title: string; rows: TipRow[] };

const MOST = 16;

/** The hover box. Built of nodes, so that no value can be markup. */
export function tooltipElement({ title, rows }: Tip): HTMLElement {
  const box = element(
    "div",
    "max-w-80 rounded-md border border-default bg-default px-2.5 py-2 text-xs text-default shadow-lg",
  );
  if (title !== "") box.append(element("p", "mb-1 truncate font-medium text-highlighted", title));
  for (const row of rows.slice(0, MOST)) {
    const line = element("p", "flex items-center gap-2");
    if (row.color !== null) {
      const dot = element("span", "size-2 shrink-0 rounded-sm");
      dot.style.background = row.color;
      line.append(dot);
    }
    line.append(
      element("span", "max-w-56 flex-1 truncate", row.name),
      element("span", "numbers font-medium", row.words),
    );
    if (row.exact !== null) line.append(element("span", "numbers text-muted", row.exact));
    box.append(line);
  }
  if (rows.length > MOST)
    box.append(element("p", "mt-1 text-muted", t("and {rows} more", { rows: rows.length - MOST })));
  return box;
}

function element(tag: string, classes: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = classes;
  made.textContent = text;
  return made;
}
