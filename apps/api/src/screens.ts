/** Wall screens: who they are, what they may ask for, and how often. */
import type { ParameterValues } from "@quern/contract/parameters";
import type { Run } from "@quern/contract/runs";
import type { Actor, DisplayScope } from "@quern/store/actor";
import { type Origin, recordAudit } from "@quern/store/audit";
import { canonicalJson } from "@quern/store/canonical-json";
import type { Database } from "@quern/store/db";
import { findScreen } from "@quern/store/display-links";
import { ApiError } from "./problems.ts";

/** Requests of all screens of one link together. 40 tiles every 5 s are 500. */
const MAX_A_MINUTE = 6_000;
const MINUTE_MS = 60_000;

export type Screens = {
  /** The screen that shows this token's link; undefined when that is not live. Throws `ApiError` (`rate_limited`). */
  find(token: string, origin: Origin): Promise<Actor | undefined>;
};

/** Counts each link's requests, in this process, and writes the first of a day into the audit log. */
export function openScreens(db: Database, now = Date.now, max = MAX_A_MINUTE): Screens {
  let minute = 0;
  const counts = new Map<string, number>();
  return {
    async find(token, origin) {
      const screen = await findScreen(db, token);
      if (!screen) return undefined;
      const { actor, first_today } = screen;
      const link = actor.display.link_id;
      if (first_today) {
        await recordAudit(db, actor, origin, {
          action: "display_link.used",
          resource_type: "display_link",
          resource_id: link,
        });
      }
      const present = Math.floor(now() / MINUTE_MS);
      if (present !== minute) counts.clear();
      minute = present;
      const count = (counts.get(link) ?? 0) + 1;
      counts.set(link, count);
      if (count <= max) return actor;
      throw new ApiError(
        "rate_limited",
        `This display link asked ${max} times within a minute. It goes on in the next one.`,
      );
    },
  };
}

/** The values that the screen shows the dashboard with: those of its link, and no others. */
export function valuesOfScreen(
  { items }: DisplayScope,
  dashboardId: string,
  asked: { params?: ParameterValues | undefined; tile_params?: object | undefined },
): ParameterValues {
  const shown = items.filter(({ dashboard_id }) => dashboard_id === dashboardId);
  const text = asked.params === undefined ? undefined : canonicalJson(asked.params);
  const item = shown.find(({ params }) => text === undefined || canonicalJson(params) === text);
  if (item && Object.keys(asked.tile_params ?? {}).length === 0) return item.params;
  // Which dashboards there are is not for it, either.
  if (shown.length === 0) return {};
  throw new ApiError(
    "not_allowed",
    "A display link shows its dashboard with the values that it was made with. Leave the values out.",
  );
}

/** What a screen needs of a run: how it goes and what went wrong, not its text, its values or people. */
export function forScreen(run: Run): Run {
  return {
    ...run,
    sql: null,
    sent_sql: null,
    params: [],
    callers: [],
    firings: [],
    dashboards: [],
    created_by: null,
    plan: null,
    report: null,
    notices: [],
    cancel: run.cancel && { ...run.cancel, by: null },
  };
}
