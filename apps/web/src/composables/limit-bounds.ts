import { type Datasource, DEFAULT_LIMITS, type Limits } from "@quern/contract/datasources";
import { DEFAULT_SETTINGS } from "@quern/contract/settings";
import { computed } from "vue";
import { useSettings } from "./settings.ts";

const KEYS = ["timeout_ms", "max_rows", "max_bytes"] as const;

/** What a run of `datasource` gets when nobody asks for other limits, and the most that one may ask for. */
export function useLimitBounds(datasource: () => Datasource | null) {
  const settings = useSettings();
  const pick = (side: "default" | "maximum"): Limits => {
    const limits = settings.data.value?.limits ?? DEFAULT_SETTINGS.limits;
    const own = datasource()?.limits ?? {};
    const found = { ...DEFAULT_LIMITS };
    for (const key of KEYS) found[key] = own[key] ?? limits[key][side];
    return found;
  };
  return { usual: computed(() => pick("default")), most: computed(() => pick("maximum")) };
}
