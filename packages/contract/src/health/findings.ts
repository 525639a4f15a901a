import { z } from "zod";
import { route } from "../route.ts";
import { cursor, id, instant, page, text, wholeNumber } from "../text.ts";
import { Category } from "./databases.ts";

export const Severity = z.enum(["info", "warning", "critical"]).meta({ id: "HealthSeverity" });
export type Severity = z.infer<typeof Severity>;
export const RuleState = z
  .enum(["finding", "ok", "not_enough_data", "no_permission", "not_applicable"])
  .meta({ id: "HealthRuleState" });
export type RuleState = z.infer<typeof RuleState>;

/** A text with `{places}` and what stands in them, so that it can be said in another language. */
export const Message = z
  .strictObject({
    text: z.string(),
    values: z.record(z.string(), z.union([z.string(), z.number()])),
  })
  .meta({ id: "HealthMessage" });
export type Message = z.infer<typeof Message>;

/** One measured fact behind a finding. `key` names it in the rule's words; the page knows how to print the unit. */
export const Evidence = z.strictObject({
  key: z.string(),
  value: z.union([z.number(), z.string(), z.boolean(), z.null()]),
  unit: z.enum(["count", "bytes", "ms", "seconds", "ratio", "xids", "text", "sql", "time"]),
  threshold: z.number().nullable().optional(),
});
export type Evidence = z.infer<typeof Evidence>;

export const Finding = z
  .strictObject({
    id,
    rule: z.string(),
    title: z.string(),
    category: Category,
    severity: Severity,
    database: z.strictObject({ id, name: z.string(), server_name: z.string() }),
    object: z
      .string()
      .describe("What it is about: a relation, a statement, a slot; empty for the whole"),
    statement_id: z.string().nullable(),
    explanation: z.string(),
    evidence: z.array(Evidence),
    window: z.strictObject({ from: instant, to: instant }).nullable(),
    confidence: z.enum(["high", "medium", "low"]),
    source: z.string().describe("Where the thresholds come from"),
    fix: z
      .strictObject({
        sql: z.string().nullable().describe("Never executed by Quern by itself"),
        words: z.string(),
        message: Message.nullable().describe(
          "What the words were made of; null: they hold no values",
        ),
        sandbox: z.boolean().describe("Whether it can be tried on a sandbox of the schema"),
      })
      .nullable(),
    first_seen_at: instant,
    last_seen_at: instant,
    resolved_at: instant.nullable(),
    snoozed_until: instant.nullable(),
    snoozed: z
      .strictObject({ at: instant, by: z.string().nullable() })
      .nullable()
      .describe(
        "When and by whom, while it is snoozed; null also where the audit log does not say",
      ),
    muted: z
      .strictObject({ at: instant, reason: z.string(), by: z.string().nullable() })
      .nullable(),
    history: z
      .array(z.strictObject({ first_seen_at: instant, last_seen_at: instant, severity: Severity }))
      .describe("Earlier times, of the last 90 days"),
  })
  .meta({ id: "Finding" });
export type Finding = z.infer<typeof Finding>;

/** A rule for one database: also those that found nothing, or could not tell, and why. */
export const RuleResult = z
  .strictObject({
    rule: z.string(),
    title: z.string(),
    category: Category,
    state: RuleState,
    reason: z.string().nullable().describe("What is missing, in words"),
    message: Message.nullable().describe("What the reason was made of; null: it holds no values"),
    hint: z.string().nullable().describe("The statement that mends it"),
    findings: z.int(),
    evaluated_at: instant.nullable(),
    explanation: z.string(),
    source: z.string(),
  })
  .meta({ id: "RuleResult" });
export type RuleResult = z.infer<typeof RuleResult>;

const tag = "health";
const byId = z.strictObject({ id });

export const listFindings = route({
  operation: "listFindings",
  summary: "Findings of all databases or of one, the gravest first",
  tag,
  method: "GET",
  path: "/api/v1/findings",
  query: z.strictObject({
    database_id: id.optional(),
    status: z
      .enum(["open", "snoozed", "muted", "resolved", "all"])
      .optional()
      .describe("open when left out"),
    severity: Severity.optional(),
    category: Category.optional(),
    rule: text(64).optional(),
    object: text(600).optional(),
    statement_id: z
      .string()
      .regex(/^\d{1,18}$/)
      .optional(),
    search: text(200).optional().describe("In rule, title, object and the name of the database"),
    limit: wholeNumber({ min: 1, max: 500 }).optional(),
    cursor,
  }),
  replies: { 200: page(Finding) },
});

export const readFinding = route({
  operation: "readFinding",
  summary: "One finding",
  tag,
  method: "GET",
  path: "/api/v1/findings/:id",
  params: byId,
  replies: { 200: Finding },
});

export const changeFinding = route({
  operation: "changeFinding",
  summary: "Snooze or mute a finding, or undo it",
  tag,
  method: "PATCH",
  path: "/api/v1/findings/:id",
  params: byId,
  body: z.strictObject({
    snoozed_until: instant.nullable().optional(),
    muted_reason: text(500).min(1).nullable().optional().describe("null unmutes"),
  }),
  replies: { 200: Finding },
});

export const exportFinding = route({
  operation: "exportFinding",
  summary: "A finding as Markdown, to paste into an issue",
  tag,
  method: "GET",
  path: "/api/v1/findings/:id/markdown",
  params: byId,
  media: ["text/markdown"],
  replies: {},
});

export const listRules = route({
  operation: "listDatabaseRules",
  summary: "Every advisor rule and how it stands for a database",
  tag,
  method: "GET",
  path: "/api/v1/databases/:id/rules",
  params: byId,
  replies: { 200: z.strictObject({ items: z.array(RuleResult) }) },
});

export const evaluateRules = route({
  operation: "evaluateDatabaseRules",
  summary: "Evaluate the rules now instead of at their next time",
  tag,
  method: "POST",
  path: "/api/v1/databases/:id/rules/evaluate",
  params: byId,
  body: z.strictObject({}),
  replies: { 202: z.null() },
});
