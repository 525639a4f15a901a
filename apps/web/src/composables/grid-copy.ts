import { useToast } from "@nuxt/ui/composables";
import { ref } from "vue";
import type { ArrangedColumn } from "../grid/column-settings.ts";
import { type CopyFormat, copyAs } from "../grid/copy-formats.ts";
import { type Box, cellCount } from "../grid/selection.ts";
import { t } from "../i18n/language.ts";
import { copyText } from "./clipboard.ts";
import type { ResultRows } from "./result-rows.ts";
import { useTroubleToast } from "./trouble-toast.ts";

/** More cells than this are a file, not a clipboard. */
const MAX_COPIED = 500_000;
const SAID_MS = 2_500;

/** Copying of selected cells, exact, in the order of the screen. `said` tells for a moment what was copied. */
export function useGridCopy(config: { rows: ResultRows; shown: () => ArrangedColumn[] }) {
  const toast = useToast();
  const guard = useTroubleToast();
  const said = ref("");
  let timer: ReturnType<typeof setTimeout> | undefined;

  function say(words: string): void {
    said.value = words;
    clearTimeout(timer);
    timer = setTimeout(() => {
      said.value = "";
    }, SAID_MS);
  }

  return {
    said,
    async copy(box: Box, format: CopyFormat, withNames: boolean): Promise<void> {
      const count = cellCount(box);
      if (count > MAX_COPIED) {
        toast.add({
          title: t(
            "{n} cell are too many for the clipboard | {n} cells are too many for the clipboard",
            { n: count },
          ),
          description: t("Select fewer, or download the result as a file."),
          color: "warning",
          icon: "i-lucide-clipboard-x",
        });
        return;
      }
      await guard(async () => {
        const columns = config.shown().slice(box.left, box.right + 1);
        const found = await config.rows.readAll(box.top, box.bottom + 1);
        const copied = {
          columns: columns.map(({ column }) => column),
          rows: found.map((row) => columns.map(({ index }) => row[index] ?? null)),
        };
        const done = await copyText(copyAs(format, copied, withNames));
        say(
          done
            ? t("Copied {n} cell | Copied {n} cells", { n: count })
            : t("This browser does not let the page copy."),
        );
      });
    },
  };
}
