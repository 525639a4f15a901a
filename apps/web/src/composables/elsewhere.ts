/** Running what is saved on other datasources than its own: which those are, and which there are to choose from. */
import type { Instance } from "@quern/contract/instances";
import { computed } from "vue";
import { type OwnDatasource, readSwaps, type Swaps, writeSwaps } from "../dashboard/swaps.ts";
import { useDatasources } from "./datasources.ts";
import { useInstances } from "./instances.ts";
import { useAddress } from "./query-address.ts";
import { useCan } from "./session.ts";

/** The exchanged datasources of the page's address. */
export function useSwaps() {
  const address = useAddress();
  const swaps = computed<Swaps>(() => readSwaps(address.list("on")));
  return {
    swaps,
    /** Puts `to` in the place of `from`; null goes back to `from`. */
    set(from: string, to: string | null): void {
      const { [from]: _before, ...rest } = swaps.value;
      address.set({ on: writeSwaps(to === null ? rest : { ...rest, [from]: to }) });
    },
    clear: () => address.set({ on: null }),
  };
}

/** The live instances of the person, where the role knows of them; those that are datasources say so. */
function useLiveInstances() {
  const can = useCan();
  return useInstances({ status: "live", owner: "me" }, () => can("instances.read"));
}

/** `datasource_id` is null for an instance that is no datasource yet. */
export type OtherChoice = {
  key: string;
  name: string;
  datasource_id: string | null;
  instance: Instance | null;
};

/** What can take the place of a datasource: others of its engine, and instances where that is PostgreSQL. */
export function useOtherChoices(ownId: () => string) {
  const { datasources, isPending, error, refetch } = useDatasources();
  const live = useLiveInstances();
  const own = computed(() => datasources.value.find(({ id }) => id === ownId()));
  const ofInstance = computed(
    () => new Map(live.items.value.map((instance) => [instance.datasource_id, instance])),
  );
  const instances = computed<OtherChoice[]>(() =>
    own.value?.type !== "postgres"
      ? []
      : live.items.value
          .filter(
            ({ datasource_id, connection, status }) =>
              datasource_id !== ownId() &&
              (datasource_id !== null || connection !== null) &&
              (status === "running" || status === "resetting"),
          )
          .map((instance) => ({
            key: instance.id,
            name: instance.name,
            datasource_id: instance.datasource_id,
            instance,
          })),
  );
  const others = computed<OtherChoice[]>(() =>
    datasources.value
      .filter(
        ({ id, type }) => id !== ownId() && type === own.value?.type && !ofInstance.value.has(id),
      )
      .map(({ id, name }) => ({ key: id, name, datasource_id: id, instance: null })),
  );
  return { own, instances, others, isPending, error, refetch };
}

/** What stands above the tiles, or above the editor: an exchange, in words. */
export type Exchange = {
  own: OwnDatasource;
  /** null: a datasource that is not known to this person. */
  name: string | null;
  expires_at: string | null;
  ended: boolean;
};

/** What the server said of the other datasource in the place of this one: its name, and whether that instance has ended. */
export type Told = (own: string) => { name: string | null; ended: boolean };

/** The exchanges that change something here. */
export function useExchanges(owns: () => readonly OwnDatasource[], swaps: () => Swaps, told: Told) {
  const { datasources } = useDatasources();
  const live = useLiveInstances();
  return computed<Exchange[]>(() =>
    owns().flatMap((own) => {
      const to = swaps()[own.id];
      if (to === undefined) return [];
      const instance = live.items.value.find(({ datasource_id }) => datasource_id === to);
      const known = datasources.value.find(({ id }) => id === to);
      const { name, ended } = told(own.id);
      return [
        {
          own,
          name: known?.name ?? instance?.name ?? name,
          expires_at: ended ? null : (instance?.expires_at ?? null),
          ended,
        },
      ];
    }),
  );
}
