/**
 * What may be said of a utility statement: what it does, and to which objects. It is written anew from the parse tree
 * with an allow-list, so that what nobody thought of is left out instead of sent.
 */
import type { Tree } from "./parser.ts";
import { asList, asTree, dotted, tableOf } from "./tree.ts";

const REDACTED = "<redacted>";

type Skeleton = { command: string; rest?: string };

const WRITERS: Record<string, (body: Tree) => Skeleton> = {
  AlterDatabaseSetStmt: (body) => ({
    command: "alter database",
    rest: `${name(body.dbname)} ${setting(asTree(body.setstmt))}`,
  }),
  AlterDatabaseStmt: (body) => ({ command: "alter database", rest: name(body.dbname) }),
  AlterDomainStmt: (body) => ({ command: "alter domain", rest: dotted(body.typeName) }),
  AlterEnumStmt: (body) => ({ command: "alter type", rest: dotted(body.typeName) }),
  AlterExtensionStmt: (body) => ({ command: "alter extension", rest: name(body.extname) }),
  AlterForeignServerStmt: (body) => ({
    command: "alter server",
    rest: `${name(body.servername)}${options(body)}`,
  }),
  AlterFunctionStmt: (body) => ({
    command: `alter ${objectType(body.objtype)}`,
    rest: dotted(asTree(body.func).objname),
  }),
  AlterOwnerStmt: (body) => ({
    command: `alter ${objectType(body.objectType)}`,
    rest: `${objectName(body.object)} owner`,
  }),
  AlterRoleSetStmt: (body) => ({
    command: "alter role",
    rest: `${role(body.role)} ${setting(asTree(body.setstmt))}`,
  }),
  AlterRoleStmt: (body) => ({
    command: "alter role",
    rest: `${role(body.role)}${roleOptions(body)}`,
  }),
  AlterSeqStmt: (body) => ({ command: "alter sequence", rest: relation(body.sequence) }),
  AlterSubscriptionStmt: (body) => ({
    command: "alter subscription",
    rest: `${name(body.subname)}${body.conninfo === undefined ? "" : ` connection ${REDACTED}`}`,
  }),
  AlterSystemStmt: (body) => ({ command: "alter system", rest: setting(asTree(body.setstmt)) }),
  AlterTableStmt: (body) => ({
    command: `alter ${objectType(body.objtype)}`,
    rest: `${relation(body.relation)} ${actions(body)}`,
  }),
  AlterUserMappingStmt: (body) => ({ command: "alter user mapping", rest: mapping(body) }),
  CheckPointStmt: () => ({ command: "checkpoint" }),
  ClosePortalStmt: () => ({ command: "close", rest: "<cursor>" }),
  ClusterStmt: (body) => ({ command: "cluster", rest: relation(body.relation) }),
  CommentStmt: (body) => ({
    command: "comment on",
    rest: `${objectType(body.objtype)} ${objectName(body.object)} is ${REDACTED}`,
  }),
  ConstraintsSetStmt: () => ({ command: "set constraints" }),
  CopyStmt: (body) => ({ command: "copy", rest: copied(body) }),
  CreateDomainStmt: (body) => ({ command: "create domain", rest: dotted(body.domainname) }),
  CreateEnumStmt: (body) => ({ command: "create type", rest: dotted(body.typeName) }),
  CreateExtensionStmt: (body) => ({ command: "create extension", rest: name(body.extname) }),
  CreateForeignServerStmt: (body) => ({
    command: "create server",
    rest: `${name(body.servername)}${options(body)}`,
  }),
  CreateForeignTableStmt: (body) => ({
    command: "create foreign table",
    rest: `${relation(asTree(body.base).relation)}${options(body)}`,
  }),
  CreateFunctionStmt: (body) => ({
    command: body.is_procedure === true ? "create procedure" : "create function",
    rest: dotted(body.funcname),
  }),
  CreatePolicyStmt: (body) => ({
    command: "create policy",
    rest: `${name(body.policy_name)} on ${relation(body.table)}`,
  }),
  CreatePublicationStmt: (body) => ({ command: "create publication", rest: name(body.pubname) }),
  CreateRoleStmt: (body) => ({
    command: "create role",
    rest: `${name(body.role)}${roleOptions(body)}`,
  }),
  CreateSchemaStmt: (body) => ({ command: "create schema", rest: name(body.schemaname) }),
  CreateSeqStmt: (body) => ({ command: "create sequence", rest: relation(body.sequence) }),
  CreateStmt: (body) => ({
    command: "create table",
    rest: `${relation(body.relation)} (${asList(body.tableElts).length} elements)`,
  }),
  CreateStatsStmt: (body) => ({ command: "create statistics", rest: dotted(body.defnames) }),
  CreateSubscriptionStmt: (body) => ({
    command: "create subscription",
    rest: `${name(body.subname)} connection ${REDACTED}`,
  }),
  CreateTrigStmt: (body) => ({
    command: "create trigger",
    rest: `${name(body.trigname)} on ${relation(body.relation)}`,
  }),
  CreateUserMappingStmt: (body) => ({ command: "create user mapping", rest: mapping(body) }),
  CreatedbStmt: (body) => ({ command: "create database", rest: name(body.dbname) }),
  DeallocateStmt: () => ({ command: "deallocate" }),
  DiscardStmt: (body) => ({
    command: "discard",
    rest: String(body.target).replace("DISCARD_", "").toLowerCase(),
  }),
  DoStmt: () => ({ command: "do", rest: REDACTED }),
  DropRoleStmt: (body) => ({
    command: "drop role",
    rest: asList(body.roles).map(roleNode).join(", "),
  }),
  DropStmt: (body) => ({
    command: `drop ${objectType(body.removeType)}`,
    rest: objectNames(body.objects),
  }),
  DropUserMappingStmt: (body) => ({ command: "drop user mapping", rest: mapping(body) }),
  DropdbStmt: (body) => ({ command: "drop database", rest: name(body.dbname) }),
  ExecuteStmt: () => ({ command: "execute", rest: "<name>" }),
  FetchStmt: (body) => ({ command: body.ismove === true ? "move" : "fetch", rest: "<cursor>" }),
  GrantRoleStmt: (body) => ({ command: body.is_grant === true ? "grant" : "revoke", rest: "role" }),
  GrantStmt: (body) => ({
    command: body.is_grant === true ? "grant" : "revoke",
    rest: `on ${objectType(body.objtype)} ${objectNames(body.objects)}`,
  }),
  ImportForeignSchemaStmt: (body) => ({
    command: "import foreign schema",
    rest: `from server ${name(body.server_name)} into ${name(body.local_schema)}`,
  }),
  IndexStmt: (body) => ({
    command: "create index",
    rest: `${body.concurrent === true ? "concurrently " : ""}${name(body.idxname)} on ${relation(body.relation)} (${indexed(body)})`,
  }),
  ListenStmt: () => ({ command: "listen", rest: "<channel>" }),
  LoadStmt: () => ({ command: "load", rest: REDACTED }),
  LockStmt: (body) => ({ command: "lock table", rest: relations(body.relations) }),
  NotifyStmt: () => ({ command: "notify", rest: "<channel>" }),
  RefreshMatViewStmt: (body) => ({
    command: "refresh materialized view",
    rest: `${body.concurrent === true ? "concurrently " : ""}${relation(body.relation)}`,
  }),
  ReindexStmt: (body) => ({
    command: "reindex",
    rest: `${String(body.kind).replace("REINDEX_OBJECT_", "").toLowerCase()} ${relation(body.relation)}`,
  }),
  RenameStmt: (body) => ({
    command: `alter ${objectType(body.renameType === "OBJECT_COLUMN" ? body.relationType : body.renameType)}`,
    rest: `${relation(body.relation)} rename`,
  }),
  TransactionStmt: (body) => transaction(String(body.kind)),
  TruncateStmt: (body) => ({ command: "truncate", rest: relations(body.relations) }),
  UnlistenStmt: () => ({ command: "unlisten" }),
  VacuumStmt: (body) => ({
    command: body.is_vacuumcmd === true ? "vacuum" : "analyze",
    rest: asList(body.rels)
      .map((rel) => relation(asTree(rel.VacuumRelation).relation))
      .join(", "),
  }),
  VariableSetStmt: (body) => setVariable(body),
  VariableShowStmt: (body) => ({ command: "show", rest: name(body.name) }),
};

/** The command in a word or two, and the whole statement as it may be sent. */
export function skeletonOf(type: string, body: Tree): { command: string; text: string } {
  const { command, rest } = WRITERS[type]?.(body) ?? { command: wordsOfType(type) };
  const text = `${command} ${rest ?? ""}`.replace(/\s+/g, " ").trim();
  return { command: command.slice(0, 40), text: text.slice(0, 4_000) };
}

/** `AlterEventTrigStmt` is `alter event trig`. */
function wordsOfType(type: string): string {
  return type
    .replace(/Stmt$/, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
}

function name(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function relation(value: unknown): string {
  return tableOf(asTree(value)) ?? "";
}

function relations(value: unknown): string {
  return asList(value)
    .map(({ RangeVar }) => relation(RangeVar))
    .join(", ");
}

function role(value: unknown): string {
  const { roletype, rolename } = asTree(value);
  if (typeof rolename === "string") return rolename;
  return String(roletype ?? "")
    .replace("ROLESPEC_", "")
    .toLowerCase();
}

function roleNode(node: Tree): string {
  return role(node.RoleSpec);
}

function objectType(value: unknown): string {
  const word = String(value ?? "OBJECT_TABLE").replace("OBJECT_", "");
  return word === "MATVIEW" ? "materialized view" : word.replaceAll("_", " ").toLowerCase();
}

/** Of an object that is named by a list, a string or its arguments' types: the name alone. */
function objectName(value: unknown): string {
  const { List, String: single, ObjectWithArgs, TypeName, RangeVar } = asTree(value);
  if (List !== undefined) return dotted(asTree(List).items);
  if (single !== undefined) return name(asTree(single).sval);
  if (ObjectWithArgs !== undefined) return dotted(asTree(ObjectWithArgs).objname);
  if (TypeName !== undefined) return dotted(asTree(TypeName).names);
  return relation(RangeVar);
}

function objectNames(value: unknown): string {
  return asList(value).map(objectName).join(", ");
}

function options(body: Tree): string {
  return asList(body.options).length === 0 ? "" : ` options ${REDACTED}`;
}

function mapping(body: Tree): string {
  return `for ${role(body.user)} server ${name(body.servername)}${options(body)}`;
}

const ROLE_OPTIONS = new Set([
  "superuser",
  "createdb",
  "createrole",
  "inherit",
  "canlogin",
  "isreplication",
  "bypassrls",
  "connectionlimit",
  "validUntil",
]);

function roleOptions(body: Tree): string {
  return asList(body.options)
    .map(({ DefElem }) => name(asTree(DefElem).defname))
    .map((option) => {
      if (option === "password") return ` password ${REDACTED}`;
      return ROLE_OPTIONS.has(option) ? ` ${option.toLowerCase()}` : "";
    })
    .join("");
}

function setting(body: Tree): string {
  const kind = String(body.kind);
  if (kind === "VAR_RESET_ALL") return "reset all";
  if (kind === "VAR_RESET") return `reset ${name(body.name)}`;
  return `set ${name(body.name)} = ${kind === "VAR_SET_DEFAULT" ? "default" : REDACTED}`;
}

function setVariable(body: Tree): Skeleton {
  if (body.kind === "VAR_SET_MULTI") {
    return { command: "set", rest: name(body.name).toLowerCase() };
  }
  const [command = "set", ...rest] = setting(body).split(" ");
  return { command, rest: rest.join(" ") };
}

function actions(body: Tree): string {
  const words = asList(body.cmds).map(({ AlterTableCmd }) => {
    const command = asTree(AlterTableCmd);
    const subject = command.name ?? asTree(asTree(command.def).ColumnDef).colname;
    return `${wordsOfType(String(command.subtype).replace("AT_", ""))} ${name(subject)}`.trim();
  });
  return words.join(", ");
}

function copied(body: Tree): string {
  const what = body.query === undefined ? relation(body.relation) : "(<query>)";
  const where = body.is_program === true ? `program ${REDACTED}` : REDACTED;
  const place = body.filename === undefined ? "<client>" : where;
  return `${what} ${body.is_from === true ? "from" : "to"} ${place}`;
}

function indexed(body: Tree): string {
  return asList(body.indexParams)
    .map(({ IndexElem }) => name(asTree(IndexElem).name) || "<expression>")
    .join(", ");
}

function transaction(kind: string): Skeleton {
  const words = kind.replace("TRANS_STMT_", "").replaceAll("_", " ").toLowerCase();
  if (words === "prepare") return { command: "prepare transaction", rest: REDACTED };
  if (words.endsWith("prepared")) return { command: words, rest: REDACTED };
  return { command: words === "start" ? "begin" : words };
}
