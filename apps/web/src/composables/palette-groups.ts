import { listQueries } from "@quern/contract/queries";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, onScopeDispose, type Ref, ref, watch } from "vue";
import { type RouteLocationRaw, useRoute, useRouter } from "vue-router";
import { api } from "../api.ts";
import { paths } from "../paths.ts";
import { useDatasources } from "./datasources.ts";
import { useCan } from "./session.ts";
import { useTheme } from "./theme.ts";

/** `value`, a little later, so that the server is not asked for every letter. */
function useSettled(value: Ref<string>, ms: number): Ref<string> {
  const settled = ref(value.value);
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(value, (next) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      settled.value = next;
    }, ms);
  });
  onScopeDispose(() => clearTimeout(timer));
  return settled;
}

/** What the palette offers: pages, queries that match, commands, datasources, themes. `close` and `help` act on it. */
export function usePaletteGroups(search: Ref<string>, close: () => void, help: () => void) {
  const router = useRouter();
  const route = useRoute();
  const can = useCan();
  const { setTheme } = useTheme();
  const { datasources } = useDatasources();
  const words = useSettled(search, 150);
  const { data: found, isFetching: searching } = useQuery({
    queryKey: computed(() => ["queries", "palette", words.value] as const),
    queryFn: ({ signal }) =>
      api.call(listQueries, {
        query: { limit: 8, ...(words.value === "" ? {} : { search: words.value.slice(0, 200) }) },
        signal,
      }),
    placeholderData: keepPreviousData,
  });

  const go = (to: RouteLocationRaw) => () => {
    close();
    void router.push(to);
  };
  const act = (deed: () => void) => () => {
    close();
    deed();
  };
  const runHere = () =>
    dispatchEvent(new CustomEvent("quern:run", { detail: { path: route.path } }));

  const commands = computed(() => [
    ...(can("runs.create_sql")
      ? [
          {
            label: "Write a new query",
            icon: "i-lucide-plus",
            kbds: ["c"],
            onSelect: go(paths.newQuery()),
          },
        ]
      : []),
    ...(route.path.startsWith("/queries/")
      ? [
          {
            label: "Run this query",
            icon: "i-lucide-play",
            kbds: ["meta", "enter"],
            onSelect: act(runHere),
          },
        ]
      : []),
    ...(can("datasources.write")
      ? [
          {
            label: "Connect a datasource",
            icon: "i-lucide-database",
            onSelect: go(paths.newDatasource),
          },
        ]
      : []),
    ...(can("members.write")
      ? [
          {
            label: "Add a member",
            icon: "i-lucide-user-plus",
            onSelect: go(`${paths.members}?add=1`),
          },
        ]
      : []),
    {
      label: "Show keyboard shortcuts",
      icon: "i-lucide-keyboard",
      kbds: ["?"],
      onSelect: act(help),
    },
  ]);

  const pages = computed(() => [
    { label: "Home", icon: "i-lucide-house", kbds: ["g", "h"], onSelect: go(paths.home) },
    {
      label: "Queries",
      icon: "i-lucide-file-code-2",
      kbds: ["g", "q"],
      onSelect: go(paths.queries()),
    },
    { label: "Runs", icon: "i-lucide-activity", kbds: ["g", "r"], onSelect: go(paths.runs()) },
    {
      label: "Datasources",
      icon: "i-lucide-database",
      kbds: ["g", "d"],
      onSelect: go(paths.datasources),
    },
    ...(can("members.read")
      ? [{ label: "Members", icon: "i-lucide-users", onSelect: go(paths.members) }]
      : []),
    ...(can("system.read")
      ? [
          {
            label: "System",
            icon: "i-lucide-server-cog",
            kbds: ["g", "a"],
            onSelect: go(paths.system),
          },
          { label: "Settings", icon: "i-lucide-settings-2", onSelect: go(paths.settings) },
        ]
      : []),
    ...(can("tokens.own")
      ? [{ label: "Access tokens", icon: "i-lucide-key-round", onSelect: go(paths.tokens) }]
      : []),
  ]);

  const groups = computed(() => [
    {
      id: "queries",
      label: words.value === "" ? "Recent queries" : "Queries",
      ignoreFilter: true,
      items: (found.value?.items ?? []).map((query) => ({
        label: query.name,
        suffix: query.datasource.name,
        icon: "i-lucide-file-code-2",
        onSelect: go(paths.query(query.id)),
      })),
    },
    { id: "commands", label: "Do", items: commands.value },
    { id: "pages", label: "Go to", items: pages.value },
    {
      id: "datasources",
      label: route.path.startsWith("/queries/") ? "Switch datasource" : "New query on",
      items: can("runs.create_sql")
        ? datasources.value.map((each) => ({
            label: each.name,
            suffix: each.config.database,
            icon: "i-lucide-cylinder",
            onSelect: route.path.startsWith("/queries/")
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
      label: "Theme",
      items: [
        { label: "Light theme", icon: "i-lucide-sun", onSelect: act(() => setTheme("light")) },
        { label: "Dark theme", icon: "i-lucide-moon", onSelect: act(() => setTheme("dark")) },
        {
          label: "Theme of the system",
          icon: "i-lucide-monitor",
          onSelect: act(() => setTheme("system")),
        },
      ],
    },
  ]);
  return { groups, searching };
}
