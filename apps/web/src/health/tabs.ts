/**
 * The tabs of a database, in the order in which they stand; each is a line here. `name` is the part of the address
 * (`/databases/:id/statements`), `component` gets one prop, `{ database: MonitoredDatabaseDetails }`, and takes the time
 * range from `useRange()` of ./range.ts. `timeless` hides the time range, for tabs that show what is now.
 */
import type { MonitoredDatabaseDetails } from "@quern/contract/health/databases";
import type { Component } from "vue";
import { t } from "../i18n/language.ts";

export type TabProps = { database: MonitoredDatabaseDetails };
export type HealthTab = {
  name: string;
  label: string;
  component: () => Promise<{ default: Component }>;
  timeless?: boolean;
};

export const TABS: readonly HealthTab[] = [
  {
    name: "overview",
    label: t("Overview"),
    component: () => import("./overview/OverviewTab.vue"),
  },
  {
    name: "statements",
    label: t("Statements"),
    component: () => import("./statements/StatementsTab.vue"),
  },
  {
    name: "tables",
    label: t("Tables"),
    component: () => import("./relations/TablesTab.vue"),
  },
  {
    name: "indexes",
    label: t("Indexes"),
    component: () => import("./relations/IndexesTab.vue"),
  },
  {
    name: "sessions",
    label: t("Sessions"),
    component: () => import("./server/SessionsTab.vue"),
  },
  {
    name: "vacuum",
    label: t("Vacuum"),
    component: () => import("./server/VacuumTab.vue"),
  },
  {
    name: "replication",
    label: t("Replication"),
    component: () => import("./server/ReplicationTab.vue"),
  },
  {
    name: "settings",
    label: t("Settings"),
    component: () => import("./server/SettingsTab.vue"),
    timeless: true,
  },
  {
    name: "schema",
    label: t("Schema"),
    component: () => import("./server/SchemaTab.vue"),
    timeless: true,
  },
  {
    name: "events",
    label: t("Events"),
    component: () => import("./server/EventsTab.vue"),
  },
  {
    name: "advisors",
    label: t("Advisors"),
    component: () => import("./findings/AdvisorsTab.vue"),
    timeless: true,
  },
];
