/** A proxy between an agent and its server that fails in the ways that networks do. Only tests may import this file. */
import { connect, createServer, type Socket } from "node:net";

export type TestProxy = {
  port: number;
  /** From now on nothing is answered, on open connections and on new ones. */
  swallow: boolean;
  /** Cuts the next connection after so many bytes of the server; null: never. */
  cut_after: number | null;
  /** When the server closes, the client's side stays open; how often that happened. */
  keeps_open: boolean;
  kept_open: number;
  /** Bytes of the client that a pooler answers itself, by a text in them; and the process id that it announces. */
  pooler: { answers: string; value: string } | null;
  announced_pid: number | null;
  stop(): Promise<void>;
};

export async function startProxy(target: number): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    let passed = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        if (socket === upstream && proxy.keeps_open) {
          proxy.kept_open += 1;
          return;
        }
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (data) => {
      if (proxy.swallow) return;
      const { pooler } = proxy;
      if (pooler !== null && data.includes(pooler.answers)) client.write(oneValue(pooler.value));
      else upstream.write(data);
    });
    upstream.on("data", (data) => {
      if (proxy.swallow) return;
      passed += data.length;
      if (proxy.cut_after !== null && passed > proxy.cut_after) {
        proxy.cut_after = null;
        client.destroy();
        return;
      }
      client.write(proxy.announced_pid === null ? data : withPid(data, proxy.announced_pid));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  const proxy: TestProxy = {
    ...{ port: address.port, swallow: false, cut_after: null, keeps_open: false, kept_open: 0 },
    ...{ pooler: null, announced_pid: null },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** BackendKeyData: `K`, its length 12, the process id, the key. */
function withPid(data: Buffer, pid: number): Buffer {
  const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
  if (at >= 0) data.writeUInt32BE(pid, at + 5);
  return data;
}

/** What a server answers a simple query with one row of one text. */
function oneValue(value: string): Buffer {
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeUInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const field = Buffer.concat([Buffer.from([0, 1]), Buffer.from("pool_mode\0"), Buffer.alloc(18)]);
  field.writeUInt32BE(25, field.length - 12);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  const row = Buffer.concat([Buffer.from([0, 1]), length, Buffer.from(value)]);
  return Buffer.concat([
    message("T", field),
    message("D", row),
    message("C", Buffer.from("SHOW\0")),
    message("Z", Buffer.from("I")),
  ]);
}
