import {
  changeDatasource,
  createDatasource,
  type Datasource,
  type DatasourceInput,
  type Limits,
  type PostgresConfig,
} from "@quern/contract/datasources";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, reactive } from "vue";
import { api } from "../api.ts";
import { parsePostgresUrl } from "../datasource/postgres-url.ts";
import { randomId } from "../random-id.ts";
import { useAction } from "./action.ts";

export type DatasourceForm = {
  name: string;
  config: PostgresConfig;
  /** Empty: as it was, if one is stored. */
  password: string;
  max_concurrency: number;
  limits: Partial<Limits>;
  group_ids: string[];
};

function formOf(saved: Datasource | null): DatasourceForm {
  return {
    name: saved?.name ?? "",
    config: saved
      ? { ...saved.config }
      : { host: "", port: 5432, database: "", user: "", sslmode: "prefer", read_only: true },
    password: "",
    max_concurrency: saved?.max_concurrency ?? 8,
    limits: { ...saved?.limits },
    group_ids: saved?.groups.map((group) => group.id) ?? [],
  };
}

const ENDPOINT = ["host", "port", "user", "sslmode", "ssl_root_cert"] as const;

/** The form of a datasource: its fields, what a pasted address does to them, and saving. */
export function useDatasourceForm(saved: Datasource | null) {
  const form = reactive(formOf(saved));
  const queries = useQueryClient();
  const createKey = randomId();

  /** A stored secret belongs to one endpoint: another host must not be sent it. */
  const secretGone = computed(
    () =>
      saved?.secret.set === true &&
      ENDPOINT.some((field) => (saved.config[field] ?? "") !== (form.config[field] ?? "")),
  );
  const complete = computed(
    () =>
      form.name.trim() !== "" &&
      form.config.host.trim() !== "" &&
      form.config.database.trim() !== "" &&
      form.config.user.trim() !== "",
  );

  function config(): PostgresConfig {
    const { ssl_root_cert, ...rest } = form.config;
    const trimmed = {
      ...rest,
      host: rest.host.trim(),
      database: rest.database.trim(),
      user: rest.user.trim(),
    };
    return ssl_root_cert?.trim() ? { ...trimmed, ssl_root_cert } : trimmed;
  }

  function pasteUrl(event: ClipboardEvent): void {
    const fields = parsePostgresUrl(event.clipboardData?.getData("text/plain") ?? "");
    if (fields === null) return;
    event.preventDefault();
    const { password, sslmode, ...rest } = fields;
    Object.assign(form.config, rest, sslmode ? { sslmode } : {});
    if (password !== null) form.password = password;
    if (form.name === "") form.name = fields.database;
  }

  const save = useAction(async (): Promise<Datasource> => {
    const use = {
      max_concurrency: form.max_concurrency,
      limits: { ...form.limits },
      group_ids: [...form.group_ids],
    };
    const input: Omit<DatasourceInput, "type"> = {
      ...use,
      name: form.name.trim(),
      config: config(),
      ...(form.password === "" ? {} : { secret: { password: form.password } }),
    };
    const body = saved?.built_in ? use : input;
    const stored = saved
      ? await api.call(changeDatasource, { params: { id: saved.id }, body })
      : await api.call(createDatasource, {
          body: { ...input, type: "postgres" },
          idempotencyKey: createKey,
        });
    queries.setQueryData(["datasource", stored.id], stored);
    await queries.invalidateQueries({ queryKey: ["datasources"] });
    return stored;
  });

  return { form, secretGone, complete, config, pasteUrl, save };
}
