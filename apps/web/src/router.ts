import { readSetup } from "@quern/contract/session";
import type { QueryClient } from "@tanstack/vue-query";
import { createRouter, createWebHistory, type RouteRecordRaw, type Router } from "vue-router";
import { api, onSignedOut } from "./api.ts";
import { meQuery } from "./composables/session.ts";
import { paths } from "./paths.ts";
import { hasCode, isTrouble } from "./words/problems.ts";

const open: RouteRecordRaw[] = [
  { path: "/sign-in", component: () => import("./pages/SignIn.vue"), meta: { open: true } },
  { path: "/setup", component: () => import("./pages/SetUp.vue"), meta: { open: true } },
  { path: "/join", component: () => import("./pages/Join.vue"), meta: { open: true } },
  { path: "/display", component: () => import("./pages/Display.vue"), meta: { open: true } },
];

const inShell: RouteRecordRaw[] = [
  { path: "", component: () => import("./pages/Home.vue") },
  { path: "search", component: () => import("./pages/Search.vue") },
  { path: "queries", component: () => import("./pages/Queries.vue") },
  { path: "queries/new", component: () => import("./pages/Query.vue"), props: { id: null } },
  { path: "queries/:id", component: () => import("./pages/Query.vue"), props: true },
  { path: "dashboards", component: () => import("./pages/Dashboards.vue") },
  { path: "dashboards/:id", component: () => import("./pages/Dashboard.vue"), props: true },
  {
    path: "dashboards/:id/versions",
    component: () => import("./pages/DashboardVersions.vue"),
    props: true,
  },
  { path: "playlists", component: () => import("./pages/Playlists.vue") },
  { path: "schedules", component: () => import("./pages/Schedules.vue") },
  {
    path: "schedules/new",
    component: () => import("./pages/Schedules.vue"),
    props: { making: true },
  },
  { path: "schedules/:id", component: () => import("./pages/Schedule.vue"), props: true },
  { path: "runs", component: () => import("./pages/Runs.vue") },
  { path: "runs/:id", component: () => import("./pages/Run.vue"), props: true },
  { path: "runs/:id/compare", component: () => import("./pages/RunCompare.vue"), props: true },
  { path: "projects", component: () => import("./pages/Projects.vue") },
  { path: "projects/:id", component: () => import("./pages/Project.vue"), props: true },
  { path: "jobs", component: () => import("./pages/Jobs.vue") },
  { path: "jobs/:id", component: () => import("./pages/Job.vue"), props: true },
  { path: "states/compare", component: () => import("./pages/StateCompare.vue") },
  { path: "instances", component: () => import("./pages/Instances.vue") },
  { path: "cache", component: () => import("./pages/Cache.vue") },
  { path: "databases", component: () => import("./pages/Databases.vue") },
  { path: "databases/:id/:tab?", component: () => import("./pages/Database.vue"), props: true },
  {
    path: "databases/:id/statements/:statement_id",
    component: () => import("./pages/DatabaseStatement.vue"),
    props: true,
  },
  {
    path: "databases/:id/tables/:relation_id",
    component: () => import("./pages/DatabaseTable.vue"),
    props: true,
  },
  { path: "agents", component: () => import("./pages/Agents.vue") },
  { path: "agents/:id", component: () => import("./pages/Agent.vue"), props: true },
  { path: "findings", component: () => import("./pages/Findings.vue") },
  { path: "findings/:id", component: () => import("./pages/Finding.vue"), props: true },
  { path: "datasources", component: () => import("./pages/Datasources.vue") },
  {
    path: "datasources/new",
    component: () => import("./pages/DatasourceEdit.vue"),
    props: { id: null },
  },
  { path: "datasources/:id", component: () => import("./pages/Datasource.vue"), props: true },
  {
    path: "datasources/:id/edit",
    component: () => import("./pages/DatasourceEdit.vue"),
    props: true,
  },
  { path: "members", component: () => import("./pages/Members.vue") },
  { path: "members/groups", component: () => import("./pages/Groups.vue") },
  { path: "system", component: () => import("./pages/System.vue") },
  { path: "settings", component: () => import("./pages/Settings.vue") },
  { path: "webhooks", component: () => import("./pages/Webhooks.vue") },
  { path: "webhooks/:id", component: () => import("./pages/Webhook.vue"), props: true },
  { path: "tokens", component: () => import("./pages/Tokens.vue") },
  { path: ":rest(.*)*", component: () => import("./pages/NotFound.vue") },
];

const routes: RouteRecordRaw[] = [
  ...open,
  { path: "/", component: () => import("./components/shell/AppShell.vue"), children: inShell },
];

const RELOADED = "quern:reloaded";
/** A chunk that is missing after a reload as well must not make the page load for ever. */
const RELOAD_PAUSE_MS = 20_000;

/** The app's router: pages are chunks of their own, and all but the open ones need somebody signed in. */
export function makeRouter(queries: QueryClient): Router {
  const router = createRouter({ history: createWebHistory(), routes });
  router.beforeEach(async (to) => {
    if (to.meta.open) return true;
    try {
      await queries.ensureQueryData(meQuery);
      return true;
    } catch (error) {
      if (hasCode(error, "not_signed_in")) return await doorFor(to.fullPath);
      // Without a server the page is shown all the same: it says what is wrong and tries again.
      if (isTrouble(error)) return true;
      throw error;
    }
  });
  onSignedOut(() => {
    const here = router.currentRoute.value;
    // While a page is being entered, the guard above sends people away itself.
    if (here.matched.length === 0 || here.meta.open) return;
    queries.removeQueries({ queryKey: meQuery.queryKey });
    void router.replace(paths.signIn(here.fullPath));
  });
  // After an update of Quern the chunks of the old page are gone: load the new one at the wanted address.
  router.onError((error, to) => {
    if (!/dynamically imported module|importing a module script|preload css/i.test(String(error)))
      return;
    const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
    if (Date.now() - last < RELOAD_PAUSE_MS) return;
    sessionStorage.setItem(RELOADED, String(Date.now()));
    location.assign(to.fullPath);
  });
  return router;
}

async function doorFor(next: string) {
  const { needed } = await api.call(readSetup, {});
  return needed ? paths.setUp : paths.signIn(next);
}
