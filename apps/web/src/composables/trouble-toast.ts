import { useToast } from "@nuxt/ui/composables";
import { describeTrouble, isTrouble } from "../words/problems.ts";

/** For deeds without a place of their own to show a failure: does the deed and says in a toast why it failed. */
export function useTroubleToast() {
  const toast = useToast();
  return async (deed: () => Promise<void>): Promise<boolean> => {
    try {
      await deed();
      return true;
    } catch (error) {
      if (!isTrouble(error)) throw error;
      const { title, detail } = describeTrouble(error);
      toast.add({ title, description: detail, color: "error", icon: "i-lucide-circle-alert" });
      return false;
    }
  };
}
