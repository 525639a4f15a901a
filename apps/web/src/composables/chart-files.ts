import { useToast } from "@nuxt/ui/composables";
import { t } from "../i18n/language.ts";
import { saveFile } from "./file-save.ts";

/** Long enough for the browser to have begun with the download. */
const HELD_MS = 60_000;

/** Charts as files and in the clipboard; what goes wrong is said in a toast. */
export function useChartFiles() {
  const toast = useToast();
  function fail(error: unknown): void {
    if (!(error instanceof Error)) throw error;
    toast.add({
      title: t("The picture could not be made"),
      description: error.message,
      color: "error",
      icon: "i-lucide-circle-alert",
    });
  }
  return {
    /** Browsers take pictures only where the page is secure. */
    canCopy: typeof ClipboardItem !== "undefined" && window.isSecureContext,
    async save(make: () => Promise<Blob>, name: string): Promise<void> {
      try {
        const url = URL.createObjectURL(await make());
        saveFile(url, name.replace(/[/\\:*?"<>|]/g, "-"));
        setTimeout(() => URL.revokeObjectURL(url), HELD_MS);
      } catch (error) {
        fail(error);
      }
    },
    async copy(make: () => Promise<Blob>): Promise<void> {
      try {
        await navigator.clipboard.write([new ClipboardItem({ "image/png": make() })]);
        toast.add({
          title: t("The picture is in the clipboard"),
          icon: "i-lucide-clipboard-check",
        });
      } catch (error) {
        fail(error);
      }
    },
  };
}
