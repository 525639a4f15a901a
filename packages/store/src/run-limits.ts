/** Limits of runs: what is asked for, what holds when nothing is, and the most there may be. */
import type { Limits } from "@quern/contract/datasources";
import type { LimitName, LimitSettings } from "@quern/contract/settings";
import { Conflict } from "./conflict.ts";

export type Asked = Partial<Limits> & { result_ttl_s?: number | null | undefined };

const PHRASES: Record<LimitName, string> = {
  timeout_ms: "milliseconds",
  max_rows: "rows",
  max_bytes: "bytes",
  result_ttl_s: "seconds",
};

/**
 * Throws `Conflict` (`limit_above_maximum`) when more is asked for than the organisation's settings or the datasource allow; it names the
 * maximum. `at` is where the limits stand in the request.
 */
export function refuseAboveMaximum(
  asked: Asked,
  settings: LimitSettings,
  datasource: Partial<Limits> = {},
  at = "body.limits",
): void {
  for (const name of Object.keys(PHRASES) as LimitName[]) {
    const value = asked[name];
    const { maximum, by } = maximumOf(name, settings, datasource);
    if (value == null || value <= maximum) continue;
    const path = name === "result_ttl_s" ? "body.result_ttl_s" : `${at}.${name}`;
    throw new Conflict(
      "limit_above_maximum",
      `${name} may be at most ${maximum} ${PHRASES[name]} ${by}, and this asks for ${value}. Ask for less; an admin can raise it.`,
      [{ path, message: `must be at most ${maximum}` }],
    );
  }
}

function maximumOf(name: LimitName, settings: LimitSettings, datasource: Partial<Limits>) {
  const { maximum } = settings[name];
  const ofDatasource = name === "result_ttl_s" ? undefined : datasource[name];
  return ofDatasource !== undefined && ofDatasource < maximum
    ? { maximum: ofDatasource, by: "on this datasource" }
    : { maximum, by: "by the settings of the organisation" };
}

/**
 * What a run gets: what is asked for, else the datasource's limits, else the organisation's. A default that is above a maximum
 * is that maximum: nobody asked for it. Throws like `refuseAboveMaximum`.
 */
export function resolveLimits(
  asked: Asked,
  settings: LimitSettings,
  datasource: Partial<Limits>,
): { limits: Limits; result_ttl_s: number } {
  refuseAboveMaximum(asked, settings, datasource);
  const limit = (name: keyof Limits) =>
    asked[name] ??
    Math.min(
      datasource[name] ?? settings[name].default,
      maximumOf(name, settings, datasource).maximum,
    );
  return {
    limits: {
      timeout_ms: limit("timeout_ms"),
      max_rows: limit("max_rows"),
      max_bytes: limit("max_bytes"),
    },
    result_ttl_s: asked.result_ttl_s ?? settings.result_ttl_s.default,
  };
}

/** The limits of an earlier run for more work on it: the maximum may have become lower since, and nobody asked for them anew. */
export function withinMaximum(
  limits: Limits,
  settings: LimitSettings,
  datasource: Partial<Limits>,
): Limits {
  const within = (name: keyof Limits) =>
    Math.min(limits[name], maximumOf(name, settings, datasource).maximum);
  return {
    timeout_ms: within("timeout_ms"),
    max_rows: within("max_rows"),
    max_bytes: within("max_bytes"),
  };
}
