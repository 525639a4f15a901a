import { type InstanceLogin, stopInstance } from "@quern/contract/instances";
import { EXIT, UsageError } from "../faults.ts";
import { findPsql, runPsql } from "../shell/psql.ts";
import { repl } from "../shell/repl.ts";
import { command } from "./command.ts";
import { findInstance, loginTo, START_OPTIONS, startInstance } from "./instances.ts";

export const projectShell = command({
  name: ["project", "shell"],
  takes: "[PATH]",
  count: { min: 0, max: 1 },
  summary: "Start a PostgreSQL on the state of a project and connect to it",
  details:
    "It runs psql when this machine has one, else a small shell of its own. The instance ends with the shell unless --stay is given. What comes by a pipe is run, and ends at the first error.",
  options: {
    ...START_OPTIONS,
    instance: { type: "string", value: "NAME", words: "Connect to this one, which lives already" },
    stay: { type: "boolean", words: "Leave the instance alive when the shell ends" },
    "no-psql": { type: "boolean", words: "The small shell, even where psql is installed" },
  },
  async run({ options, positionals, context }) {
    const { client, terminal, settings } = context;
    if (options.instance !== undefined && (positionals[0] ?? options.project) !== undefined)
      throw new UsageError("Name a project or --instance, not both");
    const instance =
      options.instance === undefined
        ? await startInstance(context, positionals[0], { ...options, ttl: options.ttl ?? "8h" })
        : await findInstance(context, options.instance);
    if (typeof instance === "number") return instance;
    const leaves = options.instance !== undefined || options.stay;
    try {
      const login = await loginTo(context, instance);
      const psql = options["no-psql"] ? null : await findPsql(settings.PATH);
      const exit =
        psql === null ? await repl(targetOf(login), context) : await runPsql(psql, login, context);
      if (leaves) terminal.say(`${instance.name} lives on: quern instances stop ${instance.name}`);
      return context.interrupts.signal.aborted ? EXIT.canceled : exit;
    } finally {
      if (!leaves) await client.call(stopInstance, { params: { id: instance.id } });
    }
  },
});

function targetOf({ host, port, user, password, database, sslmode }: InstanceLogin) {
  // libpq's `require`: encrypted, by whatever certificate.
  const ssl = sslmode === "require" ? { rejectUnauthorized: false } : (false as const);
  return { host, port, user, password, database, ssl };
}
