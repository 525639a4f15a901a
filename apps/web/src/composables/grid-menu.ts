import type { Cell } from "@quern/contract/results";
import type { Filter } from "@quern/contract/run-results";
import { computed, type Ref } from "vue";
import type { ArrangedColumn } from "../grid/column-settings.ts";
import type { CopyFormat } from "../grid/copy-formats.ts";
import { t } from "../i18n/language.ts";
import { MOD } from "./shortcuts.ts";
import { isBoolean, useStored } from "./stored.ts";

const FORMATS: [CopyFormat, string][] = [
  ["csv", t("CSV")],
  ["tsv", t("Text with tabs")],
  ["markdown", t("Markdown table")],
  ["json", t("JSON")],
  ["values", t("SQL values")],
  ["insert", t("SQL insert")],
];

/** The menu of selected cells. */
export function useGridMenu(config: {
  copy: (area: "cells" | "rows", format: CopyFormat, withNames: boolean) => void;
  open: (what: "cell" | "row") => void;
  /** null where filters cannot be asked for. */
  filters: () => Filter[] | null;
  filter: (filters: Filter[]) => void;
  /** The column of the cell in focus, and the cells of its row. */
  focused: Ref<ArrangedColumn | null>;
  cells: Ref<Cell[] | null>;
}) {
  const withNames = useStored("grid.copy-names", isBoolean, true);
  const keepEqual = computed(() => {
    const filters = config.filters();
    const column = config.focused.value?.index;
    const cells = config.cells.value;
    if (filters === null || column === undefined || cells === null) return null;
    const cell = cells[column] ?? null;
    const filter: Filter =
      cell === null
        ? { column, operator: "is_null" }
        : { column, operator: "=", value: String(cell) };
    return () => config.filter([...filters, filter]);
  });
  return computed(() => [
    [
      {
        label: t("Copy"),
        icon: "i-lucide-copy",
        kbds: [MOD, "C"],
        onSelect: () => config.copy("cells", "tsv", false),
      },
      {
        label: t("Copy with column names"),
        icon: "i-lucide-clipboard-list",
        kbds: [MOD, "⇧", "C"],
        onSelect: () => config.copy("cells", "tsv", true),
      },
      {
        label: t("Copy as"),
        icon: "i-lucide-clipboard-type",
        children: [
          FORMATS.map(([format, label]) => ({
            label,
            onSelect: () => config.copy("cells", format, withNames.value),
          })),
          [
            {
              label: t("With column names"),
              type: "checkbox" as const,
              checked: withNames.value,
              onUpdateChecked: (checked: boolean) => {
                withNames.value = checked;
              },
            },
          ],
        ],
      },
      {
        label: t("Copy whole rows"),
        icon: "i-lucide-rows-3",
        onSelect: () => config.copy("rows", "tsv", false),
      },
    ],
    [
      {
        label: t("Look at the cell"),
        icon: "i-lucide-scan-text",
        kbds: ["↵"],
        onSelect: () => config.open("cell"),
      },
      {
        label: t("Look at the row"),
        icon: "i-lucide-list",
        kbds: ["⇧", "↵"],
        onSelect: () => config.open("row"),
      },
      ...(keepEqual.value === null
        ? []
        : [
            {
              label: t("Keep only rows with this value"),
              icon: "i-lucide-funnel",
              onSelect: keepEqual.value,
            },
          ]),
    ],
  ]);
}
