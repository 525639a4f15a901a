import type { z } from "zod";
import { Problem } from "./problem.ts";
import type { Route } from "./route.ts";

/** The API refused or failed; `problem` is its document. */
export class ProblemError extends Error {
  override name = "ProblemError";
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** No answer came: the server is down or out of reach. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

type Input<T> = T extends z.ZodType ? z.input<T> : never;
type QueryInput<T> = T extends z.ZodType
  ? { [K in keyof z.input<T>]: z.input<T>[K] | number | undefined }
  : never;
type Reply<R extends Route> = z.output<R["replies"][keyof R["replies"]]>;

export type CallOptions<R extends Route> = (R extends { params: infer P }
  ? { params: Input<P> }
  : unknown) &
  (R extends { body: infer B }
    ? undefined extends Input<B>
      ? { body?: Input<B> }
      : { body: Input<B> }
    : unknown) &
  (R extends { query: infer Q } ? { query?: QueryInput<Q> } : unknown) & {
    signal?: AbortSignal;
    idempotencyKey?: string;
  };

export type Client = {
  /** Calls the operation and returns its body. Throws `ProblemError`, `UnreachableError`, or the signal's reason. */
  call<R extends Route>(route: R, options: CallOptions<R>): Promise<Reply<R>>;
  /** The operation's address, for a link or an event stream. */
  url<R extends Route>(
    route: R,
    options: Pick<CallOptions<R>, Extract<keyof CallOptions<R>, "params" | "query">>,
  ): string;
};

/** A client of the API at `baseUrl` (`""`: the page's own origin), with a token or the page's cookie. */
export function createClient(
  baseUrl: string,
  token?: string,
  fetcher: typeof fetch = fetch,
): Client {
  const url: Client["url"] = (route, options) => baseUrl + address(route, options);
  return {
    url,
    async call(route, options) {
      const { body, signal, idempotencyKey } = options as {
        body?: unknown;
        signal?: AbortSignal;
        idempotencyKey?: string;
      };
      const headers: Record<string, string> = { accept: "application/json" };
      if (token !== undefined) headers.authorization = `Bearer ${token}`;
      if (body !== undefined) headers["content-type"] = "application/json";
      if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
      const response = await send(fetcher, url(route, options), {
        method: route.method,
        headers,
        credentials: "same-origin",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (!response.ok) throw new ProblemError(await readProblem(response));
      return (response.status === 204 ? null : await response.json()) as Reply<typeof route>;
    },
  };
}

function address(route: Route, options: { params?: unknown; query?: unknown }): string {
  const params = (options.params ?? {}) as Record<string, unknown>;
  const path = route.path.replace(/:([a-z_]+)/g, (_, key) =>
    encodeURIComponent(String(params[key])),
  );
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined) search.set(key, String(value));
  }
  return search.size === 0 ? path : `${path}?${search}`;
}

async function send(fetcher: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetcher(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new UnreachableError("Quern's server does not answer.", { cause: error });
  }
}

/** Proxies in between answer in HTML: then the document is made of the status. */
async function readProblem(response: Response): Promise<Problem> {
  const body = await response.text();
  const parsed = Problem.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  return {
    type: "about:blank",
    title: response.statusText || "Error",
    status: response.status,
    detail: `The server answered with status ${response.status}.`,
    code: response.status >= 500 ? "unavailable" : "invalid_request",
    request_id: response.headers.get("x-request-id") ?? "",
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
