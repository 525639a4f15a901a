/** The things that have a name of their own, as the search sees them. */
import type { SearchType } from "@quern/contract/library";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import {
  visibleDashboard,
  visibleDatasource,
  visibleJoinedQuery,
  visibleProject,
  visibleSchedule,
  visibleVisualization,
} from "./grants.ts";
import { containsAll, excerpt, nameScore, type Words } from "./search-words.ts";

export type Branch = {
  type: SearchType;
  /** What fits, at most `limit` rows each: by the name, and by what else it has. */
  selects(limit: number): RawBuilder<unknown>[];
  /** Those whose name is nearly `whole`. Only where the extension pg_trgm is. */
  similar(whole: string, limit: number): RawBuilder<unknown>;
};

type Source = {
  type: SearchType;
  from: RawBuilder<unknown>;
  visible: RawBuilder<unknown>;
  id: RawBuilder<unknown>;
  name: RawBuilder<unknown>;
  context: RawBuilder<unknown>;
  query_id: RawBuilder<unknown>;
  at: RawBuilder<unknown>;
  /** What else it is found by. `fits` may use an index, `text` is what is shown of it. */
  texts: readonly {
    /** Of `SearchHit.hit`. */
    field: RawBuilder<unknown>;
    score: RawBuilder<unknown>;
    fits: RawBuilder<unknown>;
    text: RawBuilder<unknown>;
  }[];
};

/** Every type that is searched by its name, those that people look for most first. */
export function branchesOf(actor: Actor, words: Words): Branch[] {
  return [
    queries(actor, words),
    dashboards(actor, words),
    visualizations(actor),
    schedules(actor),
    datasources(actor),
    projects(actor, words),
    folders(actor),
  ].map((source) => toBranch(source, words));
}

function toBranch(source: Source, words: Words): Branch {
  const { type, from, visible, id, name, at } = source;
  const row = (
    score: RawBuilder<unknown>,
    field: RawBuilder<unknown>,
    text: RawBuilder<unknown>,
  ) => sql`
    select ${sql.lit(type)} as type, ${id} as id, ${name} as name, ${source.context} as context,
      ${source.query_id}::uuid as query_id, null::text as schema, null::text as relation,
      ${field} as field, ${text} as text, ${score} as score, ${at} as at
    from ${from}`;
  const byName = (limit: number) => sql`
    ${row(nameScore(name, words), sql`'name'`, name)}
    where ${containsAll(name, words.each)} and ${visible}
    order by score desc, at desc
    limit ${limit}`;
  const byText = ({ field, score, fits, text }: Source["texts"][number], limit: number) => sql`
    ${row(sql`(${score})::float8`, field, text)}
    where ${fits} and not ${containsAll(name, words.each)} and ${visible}
    order by at desc
    limit ${limit}`;
  return {
    type,
    selects: (limit) => [byName(limit), ...source.texts.map((text) => byText(text, limit))],
    similar: (whole, limit) => sql`
      ${row(sql`(20 * word_similarity(${whole}, ${name}))::float8`, sql`'name'`, name)}
      where ${whole} <% ${name} and ${visible}
      order by score desc, at desc
      limit ${limit}`,
  };
}

function queries(actor: Actor, words: Words): Source {
  const description = sql.ref("query_versions.description");
  // The expression of the index query_versions_text_search (migration 0016), letter by letter.
  const text = sql`(query_versions.name || E'\n' || query_versions.description || E'\n' || query_versions.sql)`;
  const body = sql`(query_versions.description || E'\n' || query_versions.sql)`;
  const described = containsAll(sql`(query_versions.name || E'\n' || ${description})`, words.each);
  return {
    type: "query",
    from: sql`query_versions
      join queries on queries.id = query_versions.query_id and queries.version = query_versions.version
      join datasources on datasources.id = query_versions.datasource_id`,
    visible: visibleJoinedQuery(actor),
    id: sql.ref("queries.id"),
    name: sql.ref("query_versions.name"),
    context: sql.ref("datasources.name"),
    query_id: sql`null`,
    at: sql.ref("queries.updated_at"),
    texts: [
      tagged("queries", words),
      ...(words.inText
        ? [
            {
              field: sql`case when ${described} then 'description' else 'sql' end`,
              score: sql`case when ${described} then 35 else 30 end`,
              fits: containsAll(text, words.each),
              text: sql`case when ${described} then ${excerpt(description, words.each)} else ${excerpt(body, words.each)} end`,
            },
          ]
        : []),
    ],
  };
}

function dashboards(actor: Actor, words: Words): Source {
  const description = sql.ref("dashboards.description");
  const tile = sql`select tiles.content from tiles
    where tiles.dashboard_id = dashboards.id and tiles.type = 'text' and ${containsAll(sql`tiles.content`, words.each)}`;
  return {
    type: "dashboard",
    from: sql`dashboards`,
    visible: visibleDashboard(actor),
    id: sql.ref("dashboards.id"),
    name: sql.ref("dashboards.name"),
    context: sql`''`,
    query_id: sql`null`,
    at: sql.ref("dashboards.updated_at"),
    texts: [
      tagged("dashboards", words),
      ...(words.inText
        ? [
            {
              field: sql`'description'`,
              score: sql`35`,
              fits: containsAll(description, words.each),
              text: excerpt(description, words.each),
            },
            {
              field: sql`'text'`,
              score: sql`30`,
              fits: sql`exists (${tile})`,
              text: sql`(select ${excerpt(sql`found.content`, words.each)} from (${tile} limit 1) as found)`,
            },
          ]
        : []),
    ],
  };
}

/** A tag is found from its beginning. */
function tagged(table: "queries" | "dashboards", { whole }: Words): Source["texts"][number] {
  const tags = sql.ref(`${table}.tags`);
  const first = sql`select tag from unnest(${tags}) as tag where starts_with(lower(tag), ${whole})`;
  return {
    field: sql`'tag'`,
    score: sql`40`,
    fits: sql`(${tags} <> '{}' and exists (${first}))`,
    text: sql`(${first} limit 1)`,
  };
}

function visualizations(actor: Actor): Source {
  return {
    type: "visualization",
    from: sql`visualizations`,
    visible: visibleVisualization(actor),
    id: sql.ref("visualizations.id"),
    name: sql.ref("visualizations.name"),
    context: sql`(
      select query_versions.name from queries
      join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
      where queries.id = visualizations.query_id)`,
    query_id: sql.ref("visualizations.query_id"),
    at: sql.ref("visualizations.updated_at"),
    texts: [],
  };
}

function schedules(actor: Actor): Source {
  return {
    ...plain("schedule", "schedules"),
    visible: visibleSchedule(actor),
    at: sql.ref("schedules.updated_at"),
  };
}

function datasources(actor: Actor): Source {
  return {
    ...plain("datasource", "datasources"),
    visible: visibleDatasource(actor),
    at: sql.ref("datasources.updated_at"),
  };
}

function projects(actor: Actor, words: Words): Source {
  const description = sql.ref("projects.description");
  return {
    ...plain("project", "projects"),
    visible: visibleProject(actor),
    at: sql.ref("projects.updated_at"),
    texts: words.inText
      ? [
          {
            field: sql`'description'`,
            score: sql`35`,
            fits: containsAll(description, words.each),
            text: excerpt(description, words.each),
          },
        ]
      : [],
  };
}

function folders(actor: Actor): Source {
  return {
    ...plain("folder", "folders"),
    visible: sql`(folders.org_id = ${actor.org_id})`,
    context: sql`coalesce((select around.name from folders as around where around.id = folders.parent_id), '')`,
    at: sql.ref("folders.created_at"),
  };
}

function plain(type: SearchType, table: string): Omit<Source, "visible" | "at"> {
  return {
    type,
    from: sql.table(table),
    id: sql.ref(`${table}.id`),
    name: sql.ref(`${table}.name`),
    context: sql`''`,
    query_id: sql`null`,
    texts: [],
  };
}
