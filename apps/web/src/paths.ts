import type { Parameter } from "@quern/contract/parameters";
import { markRaw } from "vue";
import type { LocationQueryRaw, RouteLocationRaw } from "vue-router";

/** Every address of the app, made in one place. */
export const paths = {
  home: "/",
  signIn: (next?: string): RouteLocationRaw => ({
    path: "/sign-in",
    query: next && next !== "/" ? { next } : {},
  }),
  setUp: "/setup",
  queries: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/queries", query }),
  newQuery: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/queries/new", query }),
  /** The editor with SQL that is not saved. Buttons make reactive what they get, and the browser's history takes no such objects. */
  newSql: (
    query: LocationQueryRaw & { datasource: string },
    sql: string,
    params: Parameter[] = [],
  ) => ({
    ...{ path: "/queries/new", query },
    state: { sql, ...(params.length === 0 ? {} : { params: markRaw(params) }) },
  }),
  query: (id: string, query: LocationQueryRaw = {}): RouteLocationRaw => ({
    path: `/queries/${id}`,
    query,
  }),
  dashboards: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/dashboards", query }),
  dashboard: (id: string, query: LocationQueryRaw = {}): RouteLocationRaw => ({
    path: `/dashboards/${id}`,
    query,
  }),
  dashboardVersions: (id: string): string => `/dashboards/${id}/versions`,
  playlists: "/playlists",
  newSchedule: (query: { query?: string; dashboard?: string } = {}): RouteLocationRaw => ({
    path: "/schedules/new",
    query,
  }),
  runs: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/runs", query }),
  run: (id: string): string => `/runs/${id}`,
  compare: (id: string, other?: string): RouteLocationRaw => ({
    path: `/runs/${id}/compare`,
    query: other === undefined ? {} : { with: other },
  }),
  schedules: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/schedules", query }),
  schedule: (id: string): string => `/schedules/${id}`,
  projects: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/projects", query }),
  project: (id: string, query: LocationQueryRaw = {}): RouteLocationRaw => ({
    path: `/projects/${id}`,
    query,
  }),
  jobs: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/jobs", query }),
  job: (id: string): string => `/jobs/${id}`,
  compareStates: (query: LocationQueryRaw = {}): RouteLocationRaw => ({
    path: "/states/compare",
    query,
  }),
  instances: "/instances",
  cache: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/cache", query }),
  databases: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/databases", query }),
  /** A tab of a database, the overview when left out; `query` with the time range: `useRange().link`. */
  database: (id: string, tab?: string, query: LocationQueryRaw = {}): RouteLocationRaw => ({
    path: tab === undefined ? `/databases/${id}` : `/databases/${id}/${tab}`,
    query,
  }),
  statement: (
    database_id: string,
    statement_id: string,
    query: LocationQueryRaw = {},
  ): RouteLocationRaw => ({ path: `/databases/${database_id}/statements/${statement_id}`, query }),
  table: (
    database_id: string,
    relation_id: string,
    query: LocationQueryRaw = {},
  ): RouteLocationRaw => ({ path: `/databases/${database_id}/tables/${relation_id}`, query }),
  agents: "/agents",
  agent: (id: string): string => `/agents/${id}`,
  findings: (query: LocationQueryRaw = {}): RouteLocationRaw => ({ path: "/findings", query }),
  finding: (id: string): string => `/findings/${id}`,
  search: (q: string): RouteLocationRaw => ({ path: "/search", query: q === "" ? {} : { q } }),
  datasources: "/datasources",
  newDatasource: "/datasources/new",
  datasource: (id: string): string => `/datasources/${id}`,
  editDatasource: (id: string): string => `/datasources/${id}/edit`,
  members: "/members",
  groups: "/members/groups",
  tokens: "/tokens",
  system: "/system",
  settings: "/settings",
  webhooks: "/webhooks",
  webhook: (id: string): string => `/webhooks/${id}`,
};

/** `next` when it is a path of this app, else home: an address from outside must not lead people away. */
export function safeNext(next: unknown): string {
  if (typeof next !== "string" || !next.startsWith("/") || /^\/[/\\]/.test(next)) return "/";
  return next;
}
