/** A process with two instances, for tests that kill it: argv is the folder, the layer and the first uid. */
import { openTestInstances, startOn, withSession } from "./testing.ts";

const [folder = "", first = ""] = process.argv.slice(2);
const test = await openTestInstances({
  folder,
  uids: `${first}-${Number(first) + 15}`,
});
const environment = test.instances.environment({});
const instances = [await startOn(test, environment), await startOn(test, environment)];
// A session that is busy does not notice that its postmaster is gone.
for (const instance of instances) {
  void withSession(instance, (client) => client.query("do $$ begin loop end loop; end $$")).catch(
    () => {},
  );
}
process.stdout.write(`${JSON.stringify(instances.map(({ socket_dir }) => socket_dir))}\n`);
setInterval(() => {}, 1000);
