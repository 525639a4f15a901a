import { readSandbox } from "@quern/contract/sandbox";
import { readMe } from "@quern/contract/session";
import { EXIT } from "../faults.ts";
import { size } from "../formats/times.ts";
import { command } from "./command.ts";

export const status = command({
  name: ["status"],
  takes: "",
  count: { min: 0, max: 0 },
  summary: "Whether Quern is reached, as whom, and what runs projects there",
  options: { json: { type: "boolean", words: "As JSON" } },
  async run({ options, context: { client, terminal, settings } }) {
    const me = await client.call(readMe, {});
    const sandbox = await client.call(readSandbox, {});
    if (options.json) {
      await terminal.out(`${JSON.stringify({ url: settings.QUERN_URL, me, sandbox }, null, 2)}\n`);
      return EXIT.ok;
    }
    const lines = [`Quern at ${settings.QUERN_URL}, as ${me.user.email} (${me.role})`];
    if (!sandbox.available)
      lines.push("No sandbox process is running: jobs of projects wait until one is started.");
    else {
      const versions = sandbox.engines.map(({ version }) => version).join(", ");
      lines.push(
        `PostgreSQL ${versions}; ${sandbox.active} jobs at work, ${sandbox.waiting} waiting`,
      );
      for (const { hostname, capacity, proxy } of sandbox.processes.filter((each) => each.alive)) {
        const cache = `cache ${size(capacity.cache_bytes)} of ${size(capacity.cache_max_bytes)}`;
        const reach = proxy === null ? "no proxy" : `proxy ${proxy.host}:${proxy.port}`;
        lines.push(
          `  ${hostname}: ${capacity.running}/${capacity.slots} slots, ${cache}, clones by ${capacity.clone}, ${reach}`,
        );
      }
    }
    await terminal.out(`${lines.join("\n")}\n`);
    return EXIT.ok;
  },
});
