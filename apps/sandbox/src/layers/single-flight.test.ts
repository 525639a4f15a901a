import { expect, test } from "vitest";
import { openFlights, untilAnswered } from "./single-flight.ts";

function gate() {
  let open = () => {};
  let fail = (_: unknown) => {};
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { opened, open: () => open(), fail: (error: unknown) => fail(error) };
}

test("many who want the same share one flight; its error is everybody's, and the next begins anew", async () => {
  const flights = openFlights();
  const landing = gate();
  let flown = 0;
  const fly = async () => {
    flown += 1;
    await landing.opened;
  };
  const { signal } = new AbortController();
  const waiting = Array.from({ length: 20 }, () => flights.board("k", fly, signal));
  const other = flights.board("other", async () => {}, signal);
  expect([flights.running(), flights.waiting()]).toEqual([2, 19]);
  landing.fail(new Error("broken"));
  const ends = await Promise.allSettled(waiting);
  expect(ends.every((end) => end.status === "rejected" && end.reason.message === "broken")).toBe(
    true,
  );
  await other;
  await flights.board(
    "k",
    async () => {
      flown += 1;
    },
    signal,
  );
  expect(flown).toBe(2);
  expect(flights.running()).toBe(0);
});

test("who leaves does not end it for the others; the last one does", async () => {
  const flights = openFlights();
  const landing = gate();
  let aborted = false;
  const fly = async (signal: AbortSignal) => {
    signal.addEventListener("abort", () => {
      aborted = true;
      landing.open();
    });
    await landing.opened;
    signal.throwIfAborted();
  };
  const [one, two] = [new AbortController(), new AbortController()];
  const first = flights.board("k", fly, one.signal);
  const second = flights.board("k", fly, two.signal);
  one.abort(new Error("one left"));
  await expect(first).rejects.toThrow("one left");
  expect(aborted).toBe(false);
  two.abort(new Error("two left"));
  await expect(second).rejects.toThrow("two left");
  expect(aborted).toBe(true);
  // Whoever comes while the old one still ends waits for that, and has one of their own.
  let again = 0;
  await flights.board(
    "k",
    async () => {
      again += 1;
    },
    new AbortController().signal,
  );
  expect(again).toBe(1);
});

test("a stop aborts what flies and waits for it", async () => {
  const flights = openFlights();
  let ended = false;
  const fly = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        ended = true;
        resolve();
      });
    });
  const boarded = flights.board("k", fly, new AbortController().signal);
  await flights.stop();
  expect(ended).toBe(true);
  await boarded;
});

test("a question is asked until there is an answer", async () => {
  let asked = 0;
  const ask = async () => (++asked < 4 ? null : "yes");
  expect(await untilAnswered(ask, new AbortController().signal)).toBe("yes");
  await expect(untilAnswered(async () => null, AbortSignal.timeout(50))).rejects.toThrow();
});
