import { describe, expect, test } from "vitest";
import {
  COLUMNS,
  compacted,
  freePlace,
  nudged,
  overlap,
  type Placed,
  readingOrder,
  rowsOf,
  withPlace,
} from "./grid.ts";
import { foldedLayout, groupsOf } from "./sections.ts";
import { redone, stepped, undone, undoOf } from "./undo.ts";

const at = (id: string, x: number, y: number, width = 6, height = 4): Placed => ({
  id,
  place: { x, y, width, height },
});
const placesOf = (tiles: Placed[]) =>
  Object.fromEntries(tiles.map(({ id, place }) => [id, [place.x, place.y]]));

/** A generator of the same numbers each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
}

/** One expectation for all tiles: thousands of them would take seconds. */
function expectSound(tiles: Placed[]): void {
  const wrong = tiles.filter(
    ({ place }, index) =>
      place.x < 0 ||
      place.y < 0 ||
      place.x + place.width > COLUMNS ||
      tiles.slice(index + 1).some((other) => overlap(place, other.place)),
  );
  expect(wrong).toEqual([]);
}

describe("places on the grid", () => {
  test("a tile that is moved onto another pushes it down, and that pushes on", () => {
    const tiles = [at("a", 0, 0), at("b", 0, 4), at("c", 0, 8), at("d", 12, 0)];
    const moved = withPlace(tiles, "a", { x: 0, y: 2, width: 6, height: 4 });
    expect(placesOf(moved)).toEqual({ a: [0, 2], b: [0, 6], c: [0, 10], d: [12, 0] });
    expect(moved[3]).toBe(tiles[3]);
  });

  test("keys move and resize by cells, never over the edge", () => {
    const tiles = [at("a", 18, 0), at("b", 0, 0)];
    expect(nudged(tiles, "a", { x: 1 })).toEqual(tiles);
    expect(nudged(tiles, "a", { width: 1 })).toEqual(tiles);
    expect(nudged(tiles, "a", { y: -1 })).toEqual(tiles);
    expect(nudged(tiles, "b", { width: -9 })[1]?.place.width).toBe(1);
    expect(nudged(tiles, "b", { height: 2 })[1]?.place.height).toBe(6);
    expect(nudged(tiles, "gone", { x: 1 })).toEqual(tiles);
  });

  test("whatever is moved where, no two tiles overlap and none is lost", () => {
    const random = numbers(7);
    for (let round = 0; round < 60; round++) {
      let tiles: Placed[] = [];
      for (let n = 0; n < 12; n++) {
        const size = { width: 1 + random(12), height: 1 + random(6) };
        tiles = [...tiles, { id: String(n), place: freePlace(tiles, size, random(5)) }];
      }
      expectSound(tiles);
      for (let n = 0; n < 10; n++) {
        const place = {
          x: random(30),
          y: random(30),
          width: 1 + random(26),
          height: 1 + random(9),
        };
        tiles = withPlace(tiles, String(random(12)), place);
        expectSound(tiles);
      }
      const close = compacted(tiles);
      expectSound(close);
      expect(close.map(({ id }) => id)).toEqual(tiles.map(({ id }) => id));
      expect(rowsOf(close)).toBeLessThanOrEqual(rowsOf(tiles));
    }
  });

  test("a new tile takes the first hole that it fits", () => {
    const tiles = [at("a", 0, 0, 12), at("b", 18, 0), at("c", 0, 4, 24)];
    expect(freePlace(tiles, { width: 6, height: 4 })).toMatchObject({ x: 12, y: 0 });
    expect(freePlace(tiles, { width: 6, height: 5 })).toMatchObject({ x: 0, y: 8 });
    expect(freePlace([], { width: 99, height: 2 })).toEqual({ x: 0, y: 0, width: 24, height: 2 });
  });

  test("200 tiles are read row by row", () => {
    const tiles = Array.from({ length: 200 }, (_, n) =>
      at(String(n), (n % 4) * 6, Math.floor(n / 4) * 4),
    );
    const shuffled = [...tiles].sort((a, b) => (Number(a.id) % 7) - (Number(b.id) % 7));
    expect(readingOrder(shuffled).map(({ id }) => id)).toEqual(tiles.map(({ id }) => id));
  });
});

describe("sections", () => {
  const chart = (...of: Parameters<typeof at>) => ({ ...at(...of), type: "text" });
  const section = (id: string, y: number) => ({ ...at(id, 0, y, 24, 2), type: "section" });
  const tiles = [
    chart("top", 0, 0),
    section("one", 4),
    chart("a", 0, 6),
    chart("b", 6, 6, 6, 8),
    section("two", 14),
    chart("c", 0, 16),
  ];

  test("what stands below a heading, up to the next, belongs to it", () => {
    expect(
      groupsOf(tiles).map(({ section: of, tiles: own }) => [
        of?.id ?? null,
        own.map(({ id }) => id),
      ]),
    ).toEqual([
      [null, ["top"]],
      ["one", ["a", "b"]],
      ["two", ["c"]],
    ]);
  });

  test("a folded one leaves no hole, and the last one folds as well", () => {
    expect(placesOf(foldedLayout(tiles, new Set(["one"])))).toEqual({
      top: [0, 0],
      one: [0, 4],
      two: [0, 6],
      c: [0, 8],
    });
    expect(placesOf(foldedLayout(tiles, new Set(["two"])))).not.toHaveProperty("c");
    expect(foldedLayout(tiles, new Set())).toEqual(readingOrder(tiles));
  });
});

describe("undo", () => {
  test("steps of one kind in quick succession are one, others are not", () => {
    let undo = undoOf("");
    undo = stepped(undo, "a", "title", 0);
    undo = stepped(undo, "ab", "title", 300);
    undo = stepped(undo, "ab moved", "move", 400);
    undo = stepped(undo, "ab moved more", "move", 5_000);
    expect(undone(undo).now).toBe("ab moved");
    expect(undone(undone(undo)).now).toBe("ab");
    expect(undone(undone(undone(undo))).now).toBe("");
    expect(undone(undone(undone(undone(undo)))).now).toBe("");
    expect(redone(undone(undo)).now).toBe("ab moved more");
  });

  test("a new step forgets what could be done again; the same state is no step", () => {
    const one = stepped(undoOf("a"), "b", "x", 0);
    expect(redone(stepped(undone(one), "c", "y", 1)).now).toBe("c");
    expect(stepped(one, "b", "z", 9_999)).toBe(one);
  });
});
