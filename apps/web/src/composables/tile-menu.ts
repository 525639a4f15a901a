import type { DropdownMenuItem } from "@nuxt/ui";
import type { ParameterValues } from "@quern/contract/parameters";
import { type DownloadFormat, downloadRunResult } from "@quern/contract/run-results";
import { computed, type Ref } from "vue";
import { api } from "../api.ts";
import { boundValues } from "../dashboard/bindings.ts";
import { valuesQuery } from "../dashboard/click.ts";
import type { ChartTile } from "../dashboard/draft.ts";
import type { TileState } from "../dashboard/tile-states.ts";
import { tileName } from "../dashboard/tile-words.ts";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { saveFile } from "./file-save.ts";

/** What one can do with a tile that is looked at. */
export function useTileMenu(config: {
  tile: () => ChartTile;
  state: () => TileState;
  held: () => ParameterValues;
  asTable: Ref<boolean>;
  png: () => Promise<Blob | null>;
  explain: () => void;
  enlarge: () => void;
  refresh: () => void;
  large: () => boolean;
  /** Puts what is shown beside the same on the own datasource. */
  compare: () => void;
  /** The exchanged datasources of the page, for an address. */
  on: () => string[] | null;
}) {
  function download(format: DownloadFormat): void {
    const good = config.state().last_good;
    if (good === null) return;
    const { run_id: id, statement } = good;
    const url = api.url(downloadRunResult, { params: { id, format }, query: { statement } });
    saveFile(url, `${tileName(config.tile())}.${format}`);
  }
  async function downloadPng(): Promise<void> {
    const blob = await config.png();
    if (blob === null) return;
    const url = URL.createObjectURL(blob);
    saveFile(url, `${tileName(config.tile())}.png`);
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
  function queryAddress() {
    const { visualization } = config.tile();
    if (visualization === null) return null;
    const values: ParameterValues = {};
    for (const { parameter, from, value } of boundValues(config.tile(), config.held()))
      if (from !== "default" && value !== undefined) values[parameter.name] = value;
    const run = config.state().last_good?.run_id;
    const on = config.on();
    return paths.query(visualization.query.id, {
      ...valuesQuery(values),
      ...(run === undefined ? {} : { run }),
      ...(on === null ? {} : { on }),
      view: visualization.id,
    });
  }

  return computed<DropdownMenuItem[][]>(() => {
    const query = queryAddress();
    const good = config.state().last_good;
    const own = config.tile().visualization?.query.datasource.name;
    return [
      [
        { label: t("Explain this tile"), icon: "i-lucide-circle-help", onSelect: config.explain },
        ...(query === null
          ? []
          : [{ label: t("Open the query"), icon: "i-lucide-file-code-2", to: query }]),
        ...(good === null || own === undefined || config.state().on === null
          ? []
          : [
              {
                label: t("Compare with {name}", { name: own }),
                icon: "i-lucide-git-compare",
                onSelect: config.compare,
              },
            ]),
      ],
      [
        { label: t("Refresh this tile"), icon: "i-lucide-refresh-cw", onSelect: config.refresh },
        ...(config.large()
          ? []
          : [{ label: t("Full screen"), icon: "i-lucide-maximize-2", onSelect: config.enlarge }]),
        ...(config.tile().visualization?.config.type === "table"
          ? []
          : [
              {
                label: t("As a table"),
                icon: "i-lucide-table-2",
                type: "checkbox" as const,
                checked: config.asTable.value,
                onUpdateChecked: (on: boolean) => (config.asTable.value = on),
              },
            ]),
      ],
      good === null
        ? []
        : [
            {
              label: t("Download as CSV"),
              icon: "i-lucide-file-spreadsheet",
              onSelect: () => download("csv"),
            },
            {
              label: t("Download as Excel"),
              icon: "i-lucide-sheet",
              onSelect: () => download("xlsx"),
            },
            {
              label: t("Download as PNG"),
              icon: "i-lucide-image-down",
              onSelect: () => void downloadPng(),
            },
          ],
    ].filter((group) => group.length > 0);
  });
}
