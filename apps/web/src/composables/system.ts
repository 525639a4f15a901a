import { readSystem } from "@quern/contract/system";
import { useQuery } from "@tanstack/vue-query";
import { api } from "../api.ts";
import { useCan } from "./session.ts";

const EVERY_MS = 5000;

/** How the installation is now, read again every 5 s as long as somebody looks. */
export function useSystem() {
  const can = useCan();
  return useQuery({
    queryKey: ["system"],
    queryFn: ({ signal }) => api.call(readSystem, { signal }),
    enabled: () => can("system.read"),
    refetchInterval: EVERY_MS,
  });
}
