import type { Shelved } from "@quern/contract/library";
import { computed, type Ref } from "vue";
import { t } from "../i18n/language.ts";
import { addressOfHit, contextOf, FOUND } from "../library/hits.ts";
import { firstOffers, fittingCommands, groupHits } from "../palette/groups.ts";
import { paths } from "../paths.ts";
import { useFavorites, useRecent } from "./library.ts";
import { type PaletteItem, usePaletteCommands } from "./palette-commands.ts";
import { useSearch, useSettled } from "./search.ts";
import { useCan } from "./session.ts";

const HITS = 60;
const RECENT = 8;
/** Of databases or datasources: more are found by more letters. */
const MOST_OTHERS = 12;

export type PaletteGroup = { id: string; label: string; ignoreFilter: true; items: PaletteItem[] };

/** What the palette offers: recent things at first; while somebody types, what is found, and commands that fit. */
export function usePaletteGroups(typed: Ref<string>, close: () => void) {
  const can = useCan();
  const { deeds, pages, others, go } = usePaletteCommands(close);
  const { recent } = useRecent(RECENT);
  const { favorites } = useFavorites();
  const words = useSettled(typed, 120);
  const { hits, isFetching: searching } = useSearch(words, HITS);

  const offered = (one: Shelved): PaletteItem => ({
    label: one.name,
    ...(one.datasource ? { suffix: one.datasource } : {}),
    icon: FOUND[one.type].icon,
    onSelect: go(
      one.type === "query"
        ? paths.query(one.id, one.run_id ? { run: one.run_id } : {})
        : paths.dashboard(one.id),
    ),
  });
  const found = computed<PaletteGroup[]>(() =>
    groupHits(hits.value).map((group) => ({
      id: `found-${group.type}`,
      label: FOUND[group.type].many,
      ignoreFilter: true,
      items: group.hits.map((hit) => ({
        label: hit.name,
        suffix: hit.hit.field === "name" ? contextOf(hit) : hit.hit.text.replace(/\s+/g, " "),
        icon: FOUND[hit.type].icon,
        onSelect: go(addressOfHit(hit, can("runs.create_sql"))),
      })),
    })),
  );
  const group = (id: string, label: string, items: PaletteItem[]): PaletteGroup => ({
    id,
    label,
    ignoreFilter: true,
    items,
  });

  const groups = computed<PaletteGroup[]>(() => {
    const text = typed.value.trim();
    const commands = [
      group("commands", t("Do"), fittingCommands(deeds.value, text)),
      group("pages", t("Go to"), fittingCommands(pages.value, text)),
      ...others.value.map(({ id, label, items }) =>
        group(id, label, fittingCommands(items, text).slice(0, MOST_OTHERS)),
      ),
    ];
    if (text === "")
      return [
        group(
          "recent",
          t("Recent"),
          firstOffers(recent.value, favorites.value, RECENT).map(offered),
        ),
        ...commands,
      ];
    // A page that is called what was typed is what is meant: it stands before everything that was found.
    const named = pages.value.filter(({ label }) =>
      label.toLowerCase().startsWith(text.toLowerCase()),
    );
    const rest = commands.map((each) => ({
      ...each,
      items: each.items.filter((item) => !named.includes(item)),
    }));
    return [
      group("named", t("Go to"), named),
      ...found.value,
      ...rest,
      group("search", t("Search"), [
        {
          label: t("All results for “{words}”", { words: text.slice(0, 60) }),
          icon: "i-lucide-search",
          onSelect: go(paths.search(text.slice(0, 200))),
        },
      ]),
    ].filter(({ items }) => items.length > 0);
  });
  return { groups, searching };
}
