import type { PartStore } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import type { Outbound } from "@quern/runtime/outbound";
import type { Database } from "@quern/store/db";
import type { ApiKeys } from "@quern/store/keys";
import type { Instruments } from "./instruments.ts";
import type { RunChanges } from "./run-changes.ts";
import type { Screens } from "./screens.ts";
import type { SignIn } from "./sign-in.ts";
import type { SignsOfLife } from "./sign-of-life.ts";

/** What routes work with. */
export type Api = {
  db: Database;
  /** Where `db` connects. */
  databaseUrl: string;
  keys: ApiKeys;
  log: Log;
  signIn: SignIn;
  runChanges: RunChanges;
  screens: Screens;
  instruments: Instruments;
  process: SignsOfLife;
  /** Where results that are too large for PostgreSQL are kept. */
  partStore: PartStore;
  /** For requests to addresses that somebody chose. */
  outbound: Outbound;
  /** `http://localhost:3000`, without a slash at the end. Links are made of it, never of request headers. */
  baseUrl: string;
};
