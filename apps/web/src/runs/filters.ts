import { RunStatus } from "@quern/contract/run-started";
import { RunKind, RunTrigger } from "@quern/contract/runs";

/** Which runs a list shows, as the API takes it. Instants are ISO 8601. */
export type RunFilters = {
  status?: RunStatus;
  kind?: RunKind;
  trigger?: RunTrigger;
  datasource_id?: string;
  query_id?: string;
  created_by?: string;
  derived?: "false";
  search?: string;
  from?: string;
  to?: string;
};

/** The names of the filters in the page's address. */
export const FILTER_KEYS = [
  "status",
  "kind",
  "trigger",
  "datasource",
  "query",
  "by",
  "derived",
  "search",
  "from",
  "to",
] as const;
export type FilterKey = (typeof FILTER_KEYS)[number];

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The filters that an address asks for; what cannot be one is left out. `by=me` is the person `myId`. Views, statistics,
 * explains and tests are left out unless they are asked for by `derived=1` or their kind.
 */
export function filtersOf(
  read: (key: FilterKey) => string | null,
  myId: string | undefined,
): RunFilters {
  const status = RunStatus.safeParse(read("status"));
  const kind = RunKind.safeParse(read("kind"));
  const trigger = RunTrigger.safeParse(read("trigger"));
  const id = (key: FilterKey) => {
    const value = read(key);
    return value !== null && ID.test(value) ? value : null;
  };
  const instant = (key: FilterKey) => {
    const at = Date.parse(read(key) ?? "");
    return Number.isNaN(at) ? null : new Date(at).toISOString();
  };
  const found = {
    status: status.success ? status.data : null,
    kind: kind.success ? kind.data : null,
    trigger: trigger.success ? trigger.data : null,
    datasource_id: id("datasource"),
    query_id: id("query"),
    created_by: read("by") === "me" ? (myId ?? null) : id("by"),
    derived: read("derived") === "1" || kind.success ? null : "false",
    search: read("search")?.slice(0, 200) ?? null,
    from: instant("from"),
    to: instant("to"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null));
}

/** Whether a run with this status belongs in a list with these filters, as far as its status tells. */
export function fitsStatus(filters: RunFilters, status: RunStatus): boolean {
  return filters.status === undefined || filters.status === status;
}
