/** The one authorisation function. Everything is denied that this file does not allow. */
import type { Role } from "@quern/contract/members";
import { Action } from "@quern/contract/session";
import type { Actor } from "@quern/store/actor";
import type { Database } from "@quern/store/db";
import { isVisible, type Resource } from "@quern/store/grants";

const VIEWER: readonly Action[] = [
  "self.read",
  "settings.read",
  "tokens.own",
  "datasources.read",
  "queries.read",
  "visualizations.read",
  "dashboards.read",
  "schedules.read",
  "library.read",
  "favorites.own",
  "runs.read",
  "runs.create",
  "runs.cancel",
  "projects.read",
  "jobs.read",
  "jobs.create",
  "jobs.cancel",
];
const EDITOR: readonly Action[] = [
  ...VIEWER,
  "datasources.introspect",
  "queries.write",
  "visualizations.write",
  "dashboards.write",
  "display_links.write",
  "schedules.write",
  "library.write",
  "snippets.read",
  "snippets.write",
  "drafts.own",
  "runs.create_sql",
  "projects.write",
  "jobs.create_sql",
  "layers.read",
  "layers.write",
  "instances.read",
  "instances.write",
  "members.read",
  // Whoever makes a dashboard says which groups see it.
  "groups.read",
  "health.read",
  "health.write",
];
/** All that a wall screen may do, and that to what its link shows only. */
const SCREEN: ReadonlySet<Action> = new Set<Action>([
  "display.read",
  "dashboards.read",
  "runs.read",
  "runs.create",
  "self.read",
]);
const ALLOWED: Record<Role, ReadonlySet<Action>> = {
  viewer: new Set(VIEWER),
  editor: new Set(EDITOR),
  admin: new Set(Action.options.filter((action) => action !== "display.read")),
};

export type Decision = "allowed" | "forbidden" | "not_found";

/**
 * May `actor` do `action`, and to `resource`? The role says which kinds of things, grants say to which. A resource that
 * the actor may not know of is `not_found`, whatever the action, so that ids tell nothing.
 */
export async function can(
  db: Database,
  actor: Actor,
  action: Action,
  resource?: Resource,
): Promise<Decision> {
  if (resource && !(await isVisible(db, actor, resource))) return "not_found";
  const allowed = actor.display ? SCREEN : ALLOWED[actor.role];
  return allowed.has(action) ? "allowed" : "forbidden";
}

/** What a role may do at all. */
export function actionsOf(role: Role): Action[] {
  return [...ALLOWED[role]];
}
