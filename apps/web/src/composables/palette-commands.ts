import { computed } from "vue";
import { type RouteLocationRaw, useRoute, useRouter } from "vue-router";
import { useFleet } from "../health/databases.ts";
import { rangeSince } from "../health/range-address.ts";
import { chooseLanguage, LANGUAGES, type Language, language, t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { useDatasources } from "./datasources.ts";
import { useHelp } from "./help.ts";
import { type PaletteEvent, tellPage } from "./palette-events.ts";
import { useCan } from "./session.ts";
import { useTheme } from "./theme.ts";

export type PaletteItem = {
  label: string;
  suffix?: string;
  icon: string;
  kbds?: string[];
  active?: boolean;
  onSelect: () => void;
};

/** Everything that the palette can do besides finding: pages, deeds, datasources, theme and language. */
export function usePaletteCommands(close: () => void) {
  const router = useRouter();
  const route = useRoute();
  const can = useCan();
  const help = useHelp();
  const { setTheme } = useTheme();
  const { datasources } = useDatasources();
  const { data: fleet } = useFleet(undefined, { once: true });

  const act = (deed: () => void) => () => {
    close();
    deed();
  };
  const tell = (event: PaletteEvent) => act(() => tellPage(event));
  const go = (to: RouteLocationRaw) => act(() => void router.push(to));
  const item = (label: string, icon: string, onSelect: () => void, keys = ""): PaletteItem => ({
    label,
    icon,
    onSelect,
    ...(keys ? { kbds: keys.split(" ") } : {}),
  });
  const inQuery = computed(() => route.path.startsWith("/queries/"));
  const inSaved = computed(() => /^\/(queries|dashboards)\/[0-9a-f-]{36}$/.test(route.path));

  const deeds = computed<PaletteItem[]>(() => [
    ...(inQuery.value
      ? [
          item(t("Run this query"), "i-lucide-play", tell("quern:run"), "meta enter"),
          item(t("Explain this query"), "i-lucide-route", tell("quern:explain"), "meta e"),
          item(t("Versions of this query"), "i-lucide-history", tell("quern:versions")),
        ]
      : []),
    ...(inQuery.value && can("snippets.read")
      ? [
          item(t("Insert a snippet"), "i-lucide-scissors", tell("quern:snippets")),
          item(t("Format the SQL"), "i-lucide-align-left", tell("quern:format"), "meta shift f"),
        ]
      : []),
    ...(inSaved.value && can("runs.create_sql")
      ? [item(t("Run against…"), "i-lucide-git-branch", tell("quern:elsewhere"))]
      : []),
    ...(can("runs.create_sql")
      ? [item(t("Write a new query"), "i-lucide-plus", go(paths.newQuery()), "c")]
      : []),
    ...(can("dashboards.write")
      ? [
          item(
            t("Make a dashboard"),
            "i-lucide-layout-dashboard",
            go(paths.dashboards({ new: "1" })),
          ),
        ]
      : []),
    ...(can("schedules.write")
      ? [
          item(
            t("Schedule a query or a dashboard"),
            "i-lucide-calendar-plus",
            go(paths.newSchedule()),
          ),
        ]
      : []),
    ...(can("projects.write")
      ? [item(t("Make a project"), "i-lucide-folder-git-2", go(paths.projects({ new: "1" })))]
      : []),
    ...(can("jobs.create_sql")
      ? [item(t("Compare two states"), "i-lucide-git-compare", go(paths.compareStates()))]
      : []),
    ...(can("datasources.write")
      ? [item(t("Connect a datasource"), "i-lucide-database", go(paths.newDatasource))]
      : []),
    ...(can("members.write")
      ? [item(t("Add a member"), "i-lucide-user-plus", go(`${paths.members}?add=1`))]
      : []),
    item(t("Show keyboard shortcuts"), "i-lucide-keyboard", act(help.showShortcuts), "?"),
    item(t("Take the tour"), "i-lucide-signpost", act(help.startTour)),
  ]);
  const pages = computed<PaletteItem[]>(() => [
    item(t("Home"), "i-lucide-house", go(paths.home), "g h"),
    item(t("Queries"), "i-lucide-file-code-2", go(paths.queries()), "g q"),
    item(t("Dashboards"), "i-lucide-layout-dashboard", go(paths.dashboards()), "g d"),
    item(t("Schedules"), "i-lucide-calendar-clock", go(paths.schedules()), "g s"),
    item(t("Runs"), "i-lucide-activity", go(paths.runs()), "g r"),
    ...(can("projects.read")
      ? [item(t("Projects"), "i-lucide-folder-git-2", go(paths.projects()), "g p")]
      : []),
    ...(can("jobs.read") ? [item(t("Jobs"), "i-lucide-list-checks", go(paths.jobs()))] : []),
    ...(can("instances.read")
      ? [item(t("Instances"), "i-lucide-server", go(paths.instances))]
      : []),
    ...(can("layers.read") ? [item(t("Cache"), "i-lucide-layers", go(paths.cache()))] : []),
    ...(can("health.read")
      ? [
          item(t("Databases"), "i-lucide-heart-pulse", go(paths.databases()), "g b"),
          item(t("Findings"), "i-lucide-stethoscope", go(paths.findings())),
        ]
      : []),
    ...(can("agents.read") ? [item(t("Agents"), "i-lucide-radio-tower", go(paths.agents))] : []),
    item(t("Datasources"), "i-lucide-database", go(paths.datasources)),
    ...(can("members.read") ? [item(t("Members"), "i-lucide-users", go(paths.members))] : []),
    ...(can("system.read")
      ? [
          item(t("System"), "i-lucide-server-cog", go(paths.system), "g a"),
          item(t("Settings"), "i-lucide-settings-2", go(paths.settings)),
        ]
      : []),
    ...(can("webhooks.read") ? [item(t("Webhooks"), "i-lucide-webhook", go(paths.webhooks))] : []),
    ...(can("tokens.own")
      ? [item(t("Access tokens"), "i-lucide-key-round", go(paths.tokens))]
      : []),
  ]);

  const others = computed(() => [
    {
      id: "databases",
      label: t("Databases"),
      items: (fleet.value?.items ?? []).map((each) => ({
        label: each.name,
        suffix: each.server.name,
        icon: "i-lucide-heart-pulse",
        onSelect: go(
          paths.database(each.id, undefined, rangeSince(each.first_seen_at, Date.now())),
        ),
      })),
    },
    {
      id: "datasources",
      label: inQuery.value ? t("Switch datasource") : t("New query on"),
      items: can("runs.create_sql")
        ? datasources.value.map((each) => ({
            label: each.name,
            suffix: inQuery.value ? t("Switch datasource") : t("New query on"),
            icon: "i-lucide-cylinder",
            onSelect: inQuery.value
              ? go({
                  path: route.path,
                  query: { ...route.query, datasource: each.id, run: undefined },
                })
              : go(paths.newQuery({ datasource: each.id })),
          }))
        : [],
    },
    {
      id: "theme",
      label: t("Theme"),
      items: [
        item(
          t("Light theme"),
          "i-lucide-sun",
          act(() => setTheme("light")),
        ),
        item(
          t("Dark theme"),
          "i-lucide-moon",
          act(() => setTheme("dark")),
        ),
        item(
          t("Theme of the system"),
          "i-lucide-monitor",
          act(() => setTheme("system")),
        ),
      ],
    },
    {
      id: "language",
      label: t("Language"),
      items: (Object.entries(LANGUAGES) as [Language, string][]).map(([code, name]) => ({
        label: name,
        suffix: t("Language"),
        icon: "i-lucide-languages",
        active: code === language,
        onSelect: act(() => chooseLanguage(code)),
      })),
    },
  ]);
  return { deeds, pages, others, go };
}
