import { openLog } from "@quern/runtime/log";
import { expect, test } from "vitest";
import { openBehind } from "./behind.ts";

const log = openLog("sandbox", "fatal");
const never = new Promise<void>(() => {});
const { signal } = new AbortController();
const key = (n: number) => Buffer.from([n]);

/** Work whose end the test says. */
function work() {
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  let abandoned = false;
  let after = false;
  return {
    end: () => end(),
    wasAbandoned: () => abandoned,
    wasFollowed: () => after,
    given: {
      over,
      abandon() {
        abandoned = true;
        end();
      },
      async afterwards() {
        after = true;
      },
    },
  };
}

test("one has the turn after the other, and only once its job was answered", async () => {
  const behind = openBehind(log);
  const order: string[] = [];
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const [one, two] = [work(), work()];
  const first = behind.begin("o", key(1), one.given).wait(answered, never, signal);
  const second = behind.begin("o", key(2), two.given).wait(Promise.resolve(), never, signal);
  void first.then(() => order.push("first"));
  const free = await second;
  order.push("second");
  answer();
  await Promise.resolve();
  free();
  (await first)();
  expect(order).toEqual(["second", "first"]);
  one.end();
  two.end();
  await behind.stop();
  expect([one.wasFollowed(), two.wasFollowed(), behind.running()]).toEqual([true, true, 0]);
});

test("who wants the state now does not wait for the turn, whoever says so", async () => {
  const behind = openBehind(log);
  const all = [work(), work(), work()];
  const turns = all.map(({ given }, n) => behind.begin("o", key(n), given));
  await turns[0]!.wait(Promise.resolve(), never, signal);
  await turns[1]!.wait(never, Promise.resolve(), signal);
  const hurried = turns[2]!.wait(never, never, signal);
  const settled = behind.settled("o", key(2), signal);
  await hurried;
  all[2]!.end();
  await settled;
  await behind.settled("o", key(2), signal);
  await behind.settled("another", key(0), signal);
  const leaving = new AbortController();
  const waiting = behind.settled("o", key(0), leaving.signal);
  leaving.abort(new Error("canceled"));
  await expect(waiting).rejects.toThrow("canceled");
  await behind.stop();
  expect(all.map(({ wasAbandoned }) => wasAbandoned())).toEqual([true, true, false]);
});

test("of many that wait the oldest are given up; one that is given up leaves its place", async () => {
  const behind = openBehind(log);
  const all = Array.from({ length: 6 }, work);
  const control = all.map(() => new AbortController());
  const began: number[] = [];
  const turns = all.map(async ({ given }, n) => {
    const free = await behind
      .begin("o", key(n), { ...given, abandon: () => control[n]!.abort(new Error("given up")) })
      .wait(Promise.resolve(), never, control[n]!.signal);
    began.push(n);
    return free;
  });
  const free = await turns[0]!;
  const given_up = await Promise.allSettled([turns[1], turns[2]]);
  expect(given_up.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  free();
  (await turns[3]!)();
  (await turns[4]!)();
  (await turns[5]!)();
  expect(began).toEqual([0, 3, 4, 5]);
});
