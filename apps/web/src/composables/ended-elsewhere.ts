import { useToast } from "@nuxt/ui/composables";
import type { RunEvent } from "@quern/contract/events";
import { onScopeDispose } from "vue";
import { useRouter } from "vue-router";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { formatDuration } from "../words/duration.ts";
import { isTerminal, runDuration } from "../words/runs.ts";
import { isOwnRun } from "./own-runs.ts";
import { onRunEvent } from "./runs.ts";

/** Runs that are quicker are not worth a word: their tab is still being looked at. */
const LONG_MS = 5_000;

const LOOK = {
  succeeded: {
    color: "success",
    icon: "i-lucide-circle-check",
    words: (name: string) => t("{name} succeeded", { name }),
  },
  failed: {
    color: "error",
    icon: "i-lucide-circle-x",
    words: (name: string) => t("{name} failed", { name }),
  },
  canceled: {
    color: "warning",
    icon: "i-lucide-circle-slash",
    words: (name: string) => t("{name} was canceled", { name }),
  },
} as const;

/**
 * Says in a toast that a run ended which this browser's person started, took a while, and is not on the page: only in
 * the tab that is looked at.
 */
export function useEndedElsewhere(): void {
  const toast = useToast();
  const router = useRouter();
  const told = new Set<string>();

  function isShown(id: string): boolean {
    const { params, query } = router.currentRoute.value;
    return [params.id, query.run, query.explain].includes(id);
  }
  function tell(event: RunEvent): void {
    const { status } = event;
    if (!isTerminal(status) || status === "queued" || status === "running") return;
    if (document.visibilityState !== "visible" || told.has(event.id)) return;
    const took = runDuration(event) ?? 0;
    if (took < LONG_MS || !isOwnRun(event.id) || isShown(event.id)) return;
    told.add(event.id);
    const { color, icon, words } = LOOK[status];
    const name = event.query?.name ?? t("A query");
    toast.add({
      title: words(name.slice(0, 80)),
      description:
        status === "succeeded"
          ? t("{n} row in {took} | {n} rows in {took}", {
              n: event.rows,
              took: formatDuration(took),
            })
          : t("after {took}", { took: formatDuration(took) }),
      color,
      icon,
      actions: [
        {
          label: t("Open"),
          color: "neutral",
          variant: "outline",
          onClick: () => void router.push(paths.run(event.id)),
        },
      ],
    });
  }
  onScopeDispose(onRunEvent(tell));
}
