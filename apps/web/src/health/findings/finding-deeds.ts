import { useToast } from "@nuxt/ui/composables";
import { changeFinding } from "@quern/contract/health/findings";
import { useQueryClient } from "@tanstack/vue-query";
import { ref } from "vue";
import { api } from "../../api.ts";
import { useTroubleToast } from "../../composables/trouble-toast.ts";
import { t } from "../../i18n/language.ts";
import { formatInstant } from "../../words/instants.ts";
import { hasCode } from "../../words/problems.ts";
import { type Changeable, type FindingChange, undoingOf } from "./finding-change.ts";
import { rereadFindings } from "./findings.ts";

const AT_ONCE = 5;

/** Snoozes and mutes findings, one or many, and ends it; each deed says in a toast what was done, and undoes it there. */
export function useFindingDeeds() {
  const queries = useQueryClient();
  const toast = useToast();
  const guard = useTroubleToast();
  const busy = ref(false);

  async function changeAll(
    all: readonly { finding: Changeable; change: FindingChange }[],
  ): Promise<Changeable[]> {
    const changed: Changeable[] = [];
    const one = async ({ finding, change }: (typeof all)[number]) => {
      try {
        await api.call(changeFinding, { params: { id: finding.id }, body: change });
        changed.push(finding);
      } catch (error) {
        // Its database was forgotten meanwhile, and the finding with it.
        if (!hasCode(error, "not_found")) throw error;
      }
    };
    busy.value = true;
    try {
      await guard(async () => {
        for (let from = 0; from < all.length; from += AT_ONCE)
          await Promise.all(all.slice(from, from + AT_ONCE).map(one));
      });
    } finally {
      busy.value = false;
      rereadFindings(queries);
    }
    return changed;
  }

  async function change(
    findings: readonly Changeable[],
    to: FindingChange,
    title: (n: number) => string,
  ): Promise<boolean> {
    const changed = await changeAll(findings.map((finding) => ({ finding, change: to })));
    if (changed.length === 0) return false;
    const undo = () =>
      changeAll(
        changed.map((finding) => ({ finding, change: undoingOf(finding, to, Date.now()) })),
      );
    toast.add({
      title: title(changed.length),
      icon: to.muted_reason || to.snoozed_until ? "i-lucide-bell-off" : "i-lucide-bell",
      color: "neutral",
      duration: 12_000,
      actions: [
        { label: t("Undo"), color: "neutral", variant: "outline", onClick: () => void undo() },
      ],
    });
    return true;
  }

  return {
    busy,
    /** Hides them until then. All resolve to whether anything was changed. */
    snooze: (findings: readonly Changeable[], until: string) =>
      change(findings, { snoozed_until: until }, (n) =>
        t("{n} finding is snoozed until {until} | {n} findings are snoozed until {until}", {
          n,
          until: formatInstant(until),
        }),
      ),
    wake: (findings: readonly Changeable[]) =>
      change(findings, { snoozed_until: null }, (n) =>
        t("{n} finding is no longer snoozed | {n} findings are no longer snoozed", { n }),
      ),
    mute: (findings: readonly Changeable[], reason: string) =>
      change(findings, { muted_reason: reason }, (n) =>
        t("{n} finding is muted | {n} findings are muted", { n }),
      ),
    unmute: (findings: readonly Changeable[]) =>
      change(findings, { muted_reason: null }, (n) =>
        t("{n} finding is no longer muted | {n} findings are no longer muted", { n }),
      ),
  };
}
