import { request } from "node:http";
import { isIP, type Socket } from "node:net";
import { connect as connectTls, rootCertificates, type TLSSocket } from "node:tls";
import { ExchangeError } from "./exchange-error.ts";

/** What TLS to the server has to be, whatever the environment says. `ca` is of authorities to trust beside Node's. */
export function tlsOptions(ca: string | null) {
  return {
    minVersion: "TLSv1.2" as const,
    rejectUnauthorized: true,
    ...(ca !== null && { ca: [...rootCertificates, ca] }),
  };
}

/** TLS to the host of `url` through an HTTP proxy, which sees no more than its name. Throws `ExchangeError`. */
export async function openTunnel(
  proxy: string,
  url: URL,
  ca: string | null,
  timeout_ms: number,
  signal?: AbortSignal,
): Promise<TLSSocket> {
  const port = url.port === "" ? 443 : Number(url.port);
  const socket = await throughProxy(proxy, `${url.hostname}:${port}`, timeout_ms, signal);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return connectTls({
    ...tlsOptions(ca),
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
  });
}

function throughProxy(
  proxy: string,
  target: string,
  timeout_ms: number,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const { hostname, port, username, password } = new URL(proxy);
  const credentials = Buffer.from(
    `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
  );
  return new Promise((resolve, reject) => {
    const asking = request({
      method: "CONNECT",
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 80 : Number(port),
      path: target,
      agent: false,
      headers: {
        host: target,
        ...(username !== "" && {
          "proxy-authorization": `Basic ${credentials.toString("base64")}`,
        }),
      },
      ...(signal && { signal }),
    });
    const silent = new ExchangeError(
      `no answer of the proxy within ${timeout_ms / 1000} s`,
      "DEADLINE",
    );
    const timer = setTimeout(() => asking.destroy(silent), timeout_ms);
    asking.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const { code = error.name } = error;
      const own = error instanceof ExchangeError;
      reject(
        own
          ? error
          : new ExchangeError(`the proxy cannot be reached (${code})`, code, { cause: error }),
      );
    });
    asking.on("connect", ({ statusCode }, socket: Socket) => {
      clearTimeout(timer);
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new ExchangeError(`the proxy refuses with ${statusCode}`, "PROXY"));
    });
    // A proxy that answers CONNECT as any other request.
    asking.on("response", (answer) => {
      clearTimeout(timer);
      answer.destroy();
      reject(new ExchangeError(`the proxy refuses with ${answer.statusCode}`, "PROXY"));
    });
    asking.end();
  });
}
