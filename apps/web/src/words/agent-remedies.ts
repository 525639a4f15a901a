/** What to copy: the statement that mends a missing right, and how an agent is started. */

const STATEMENT =
  /\b(?:grant|create extension|alter (?:system|role|database))\s(?:"[^"]*"|'[^']*'|[^;"'])*;/gi;

/**
 * The statements in an agent's hint, one a line; null when it has none that can be run as it is: `…` and "the agent's
 * role" stand for something that the agent did not know.
 */
export function statementsOf(hint: string): string | null {
  const found = (hint.match(STATEMENT) ?? []).filter((each) => !/…|\bthe\b/i.test(each));
  return found.length === 0 ? null : found.join("\n");
}

/** What a hint says beside its statements; null when it is nothing but them. */
export function proseOf(hint: string): string | null {
  let prose = hint;
  for (const each of statementsOf(hint)?.split("\n") ?? []) prose = prose.replace(each, " ");
  return prose.trim().replace(/^--\s*|\s*:$/g, "") || null;
}

/** The agent's command that prints the SQL a hint speaks of; null when it names none. */
export function commandOf(hint: string): string | null {
  const flag = /--print-(?:grants|helper-sql)/.exec(hint)?.[0];
  return flag === undefined ? null : `node quern-agent.mjs ${flag}`;
}

export type AgentLogin = { endpoint: string; api_key: string; signing_secret: string };

const DATABASE_URL =
  "postgres://quern_agent:PASSWORD@db.example.com:5432/postgres?sslmode=verify-full";
export const SETTINGS_FILE = "quern-agent.yaml";

/** The agent as one file, which is served beside the page. */
export const AGENT_FILE = "/quern-agent.mjs";
/** From where the agent sends to, to where the shell is. */
const fetching = (endpoint: string) => `curl -fsSO '${new URL(AGENT_FILE, endpoint).href}'`;

/** A script that fetches the agent, tests the connections and then starts it by its environment. */
export function environmentScript({ endpoint, api_key, signing_secret }: AgentLogin): string {
  return [
    fetching(endpoint),
    `export DATABASE_URL='${DATABASE_URL}'`,
    `export DATAPACE_ENDPOINT='${endpoint}'`,
    `export DATAPACE_API_KEY='${api_key}'`,
    `export DATAPACE_SIGNING_SECRET='${signing_secret}'`,
    "node quern-agent.mjs --test-connection && node quern-agent.mjs",
  ].join("\n");
}

/** The same as a settings file. */
export function settingsFile({ endpoint, api_key, signing_secret }: AgentLogin): string {
  return [
    "database:",
    `  url: '${DATABASE_URL}'`,
    "datapace:",
    `  endpoint: '${endpoint}'`,
    `  api_key: '${api_key}'`,
    `  signing_secret: '${signing_secret}'`,
  ].join("\n");
}

/** Fetches the agent and starts it by that file. */
export function fileCommand({ endpoint }: AgentLogin): string {
  return `${fetching(endpoint)}\nnode quern-agent.mjs -c ${SETTINGS_FILE} --test-connection && node quern-agent.mjs -c ${SETTINGS_FILE}`;
}

/** Agents send over http to their own machine alone: whether others would refuse this address. */
export function isInClear(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  if (protocol !== "http:") return false;
  return !/^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}
