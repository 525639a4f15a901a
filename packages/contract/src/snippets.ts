import { z } from "zod";
import { PersonRef } from "./members.ts";
import { route } from "./route.ts";
import { id, instant, name, page, text } from "./text.ts";

/** What somebody types to get a snippet offered: a word as an unquoted name would be. */
export const snippetTrigger = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,49}$/,
    "must begin with a letter or _ and go on with letters, digits or _, 50 at most",
  );

/** A piece of SQL for everybody who writes SQL. `${1:table}` are places to fill in, one after the other; `$0` is the last. */
export const Snippet = z
  .strictObject({
    id,
    name: z.string(),
    trigger: z.string(),
    description: z.string(),
    sql: z.string(),
    created_by: PersonRef.nullable(),
    updated_by: PersonRef.nullable(),
    updated_at: instant,
  })
  .meta({ id: "Snippet" });
export type Snippet = z.infer<typeof Snippet>;

export const SnippetInput = z.strictObject({
  name,
  trigger: snippetTrigger,
  description: text(1000).optional(),
  sql: text(20_000).min(1),
});
export type SnippetInput = z.infer<typeof SnippetInput>;

/** Snippets that an organisation may have. */
export const MAX_SNIPPETS = 1000;

const byId = z.strictObject({ id });
const tag = "snippets";

export const listSnippets = route({
  operation: "listSnippets",
  summary: "All snippets, in the order of their names",
  tag,
  method: "GET",
  path: "/api/v1/snippets",
  replies: { 200: page(Snippet) },
});

export const createSnippet = route({
  operation: "createSnippet",
  summary: "Keep a snippet; 409 `name_taken` when the word belongs to another one",
  tag,
  method: "POST",
  path: "/api/v1/snippets",
  body: SnippetInput,
  replies: { 201: Snippet },
});

export const changeSnippet = route({
  operation: "changeSnippet",
  summary: "Change a snippet; what is left out stays",
  tag,
  method: "PATCH",
  path: "/api/v1/snippets/:id",
  params: byId,
  body: SnippetInput.partial(),
  replies: { 200: Snippet },
});

export const deleteSnippet = route({
  operation: "deleteSnippet",
  summary: "Delete a snippet for everybody",
  tag,
  method: "DELETE",
  path: "/api/v1/snippets/:id",
  params: byId,
  replies: { 204: z.null() },
});
