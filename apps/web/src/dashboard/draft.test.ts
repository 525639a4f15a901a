import type { Dashboard } from "@quern/contract/dashboards";
import type { Parameter } from "@quern/contract/parameters";
import { describe, expect, test } from "vitest";
import { readValues } from "../parameters/address.ts";
import {
  askedName,
  boundValues,
  controlledParameters,
  requestValues,
  valueless,
} from "./bindings.ts";
import { changeWords } from "./changes.ts";
import { clickedValues, filterChange, linkAddress, valuesQuery } from "./click.ts";
import {
  type ChartTile,
  chartTile,
  type Draft,
  draftOf,
  inputOf,
  sameDraft,
  textTile,
  withoutParameter,
  withParameter,
  withTile,
} from "./draft.ts";
import { withTheirTiles } from "./merge.ts";
import { parseRefresh, refreshText } from "./refresh.ts";

const province: Parameter = { name: "province", type: "text" };
const days: Parameter = { name: "days", type: "int8", default: "7" };
const causes: Parameter = {
  name: "causes",
  type: "enum",
  multiple: true,
  options: [{ value: "wind" }],
};

const chart = (params: Parameter[]) => ({
  id: "c1",
  name: "Outages",
  config: {
    type: "bar" as const,
    x: "a",
    y: ["b"],
    series: null,
    stacked: false,
    horizontal: false,
  },
  query: {
    id: "q1",
    name: "All outages",
    version: 3,
    params,
    datasource: { id: "d1", name: "ohub" },
  },
});
const empty: Draft = {
  name: "Ops",
  description: "",
  params: [province, days],
  settings: { refresh_s: null, max_age_s: 300, time_zone: null },
  tiles: [],
};
const T = "11111111-2222-4333-8444-555555555555";
const made = (params: Parameter[], draft = empty): ChartTile => chartTile(T, draft, chart(params));

describe("bindings", () => {
  test("a new tile is bound to the parameters of the same name that can hold its values, and to no others", () => {
    const number: Parameter = { name: "province", type: "int8" };
    expect(made([province, days, causes]).bindings).toEqual({
      province: { type: "dashboard", name: "province" },
      days: { type: "dashboard", name: "days" },
    });
    expect(made([number]).bindings).toEqual({});
  });

  test("values come from the dashboard, from the tile, always the same, or from the query", () => {
    const tile: ChartTile = {
      ...made([province, days, causes]),
      bindings: {
        province: { type: "dashboard", name: "province" },
        causes: { type: "ask" },
        days: { type: "fixed", value: "30" },
      },
    };
    const own = askedName(T, "causes");
    expect(controlledParameters([province], [tile]).map(({ name }) => name)).toEqual([
      "province",
      own,
    ]);
    const values = boundValues(tile, { province: "ON", [own]: ["wind"] });
    expect(values.map(({ parameter, from, value }) => [parameter.name, from, value])).toEqual([
      ["province", "dashboard", "ON"],
      ["days", "fixed", "30"],
      ["causes", "ask", ["wind"]],
    ]);
    expect(
      boundValues({ ...tile, bindings: {} }, {}).map(({ from, value }) => [from, value]),
    ).toEqual([
      ["default", undefined],
      ["default", "7"],
      ["default", undefined],
    ]);
    expect(
      requestValues([province], [tile], { province: "ON", [own]: ["wind"], other: "x" }),
    ).toEqual({
      params: { province: "ON" },
      tile_params: { [T]: { causes: ["wind"] } },
    });
    expect(valueless(tile, { [own]: [] }).map(({ control }) => control)).toEqual(["province"]);
    expect(valueless(tile, { province: null, [own]: [] })).toEqual([]);
  });

  test("what a tile asks for has an address of its own beside the dashboard's", () => {
    const parameters = controlledParameters(
      [causes],
      [{ ...made([causes]), bindings: { causes: { type: "ask" } } }],
    );
    const query = { ...valuesQuery({ causes: ["a", "b"], [parameters[1]!.name]: ["c"] }) };
    expect(readValues(parameters, query)).toEqual({
      causes: ["a", "b"],
      [parameters[1]!.name]: ["c"],
    });
  });
});

describe("parameters of a draft", () => {
  const tile: ChartTile = {
    ...made([province, days]),
    click: { type: "filter", set: { province: { type: "column", column: "p" } } },
  };
  const draft = withTile(empty, tile);
  const after = (next: Draft) => next.tiles[0] as ChartTile;

  test("another name goes along to bindings and clicks", () => {
    const next = withParameter(draft, "province", { ...province, name: "region" });
    expect(after(next).bindings.province).toEqual({ type: "dashboard", name: "region" });
    expect(after(next).click).toEqual({
      type: "filter",
      set: { region: { type: "column", column: "p" } },
    });
  });

  test("of another type it lets go of what it cannot hold any more", () => {
    const next = withParameter(draft, "province", { name: "province", type: "boolean" });
    expect(after(next).bindings).toEqual({ days: { type: "dashboard", name: "days" } });
  });

  test("taken away, tiles keep the value that it had", () => {
    const next = after(withoutParameter(draft, "province", "ON"));
    expect(next.bindings.province).toEqual({ type: "fixed", value: "ON" });
    expect(next.click).toBe(null);
    expect(after(withoutParameter(draft, "province", undefined)).bindings).not.toHaveProperty(
      "province",
    );
  });

  test("what a save sends has no more than what was chosen", () => {
    expect(inputOf(draft).tiles[0]).not.toHaveProperty("visualization");
    expect(sameDraft(draft, { ...draft, tiles: [{ ...tile, trouble: "query_deleted" }] })).toBe(
      true,
    );
    expect(sameDraft(draft, { ...draft, name: "x" })).toBe(false);
    const gone = { ...tile, visualization_id: null, visualization: null };
    expect(inputOf({ ...draft, tiles: [gone] }).tiles).toEqual([]);
  });
});

describe("clicks", () => {
  const column = (name: string) => ({ name, type: "text" as const, source_type: "text" });
  const clicked = { columns: [column("p"), column("n")], row: ["ON", "9007199254740993"] };

  test("a click sets values, a second one takes them back", () => {
    const values = clickedValues(
      { province: { type: "column", column: "p" }, days: { type: "fixed", value: "1" } },
      clicked,
      {},
    );
    expect(values).toEqual({ province: "ON", days: "1" });
    expect(filterChange([province, days], { days: "7" }, values)).toEqual({
      province: "ON",
      days: "1",
    });
    expect(filterChange([province, days], { province: "ON", days: "1" }, values)).toEqual({
      province: undefined,
      days: undefined,
    });
    expect(filterChange([causes], {}, { causes: "wind", gone: "x" })).toEqual({ causes: ["wind"] });
    expect(clickedValues({ province: { type: "column", column: "renamed" } }, clicked, {})).toEqual(
      {},
    );
    expect(
      clickedValues({ x: { type: "parameter", name: "days" } }, clicked, { days: "7" }),
    ).toEqual({ x: "7" });
  });

  test.each([
    ["https://e.test/{p}?n={n}", "https://e.test/ON?n=9007199254740993"],
    ["https://e.test/{gone}", "https://e.test/"],
    ["https://e.test", "https://e.test"],
    ["https://{p}.evil.test/", null],
    ["https://e.test{p}/", null],
    ["javascript:alert(1)", null],
    ["//e.test/{p}", null],
    ["data:text/html,{p}", null],
  ])("%s leads to %s", (template, address) => expect(linkAddress(template, clicked)).toBe(address));

  test("a value cannot leave its place in a link", () => {
    const hostile = { columns: [column("p")], row: ['../../x?a=b#c"><script>'] };
    expect(linkAddress("https://e.test/a/{p}", hostile)).toBe(
      "https://e.test/a/..%2F..%2Fx%3Fa%3Db%23c%22%3E%3Cscript%3E",
    );
  });
});

describe("what others saved", () => {
  const base = withTile(empty, made([province]));
  test("a chart that was added from its query's page is taken in beside what is edited", () => {
    const mine = { ...base, name: "Ops now" };
    const theirs = withTile(base, textTile("new", { ...base, tiles: [] }, "hello"));
    const merged = withTheirTiles(base, mine, theirs);
    expect(merged?.name).toBe("Ops now");
    expect(merged?.tiles.map(({ id }) => id)).toEqual([T, "new"]);
    expect(merged?.tiles[1]?.place.x).toBe(12);
  });
  test("any other change of theirs is a conflict", () => {
    expect(withTheirTiles(base, base, { ...base, name: "x" })).toBe(null);
    expect(withTheirTiles(base, base, { ...base, tiles: [] })).toBe(null);
  });

  test("versions say what changed", () => {
    const at = (draft: Draft) => inputOf(draft) as Parameters<typeof changeWords>[1];
    const words = (before: Draft, after: Draft) =>
      changeWords(at(before), at(after), (tile) => tile.title ?? tile.id.slice(0, 3));
    const moved = {
      ...base,
      tiles: base.tiles.map((tile) => ({ ...tile, place: { ...tile.place, x: 3 } })),
    };
    expect(words(base, base)).toEqual([]);
    expect(changeWords(null, at(base), () => "")).toEqual(["Made with 1 tile"]);
    expect(words(base, moved)).toEqual(["Moved or resized “111”"]);
    expect(words(empty, base)).toEqual(["Added “111”"]);
    expect(words(base, { ...empty, name: "Other" })).toEqual([
      "Renamed from “Ops” to “Other”",
      "Removed “111”",
    ]);
    expect(words(base, { ...base, params: [days, causes] })).toEqual([
      "Added the parameter “Causes”",
      "Removed the parameter “Province”",
    ]);
    const titled = { ...base, tiles: base.tiles.map((tile) => ({ ...tile, title: "New" })) };
    expect(words(base, titled)).toEqual(["Renamed “111” to “New”"]);
    const many = Array.from({ length: 5 }, (_, n) => textTile(`t${n}`, empty, "x"));
    expect(words(empty, { ...empty, tiles: many })).toEqual(["Added “t0”, “t1”, “t2” and 2 more"]);
  });
});

test("intervals in the address", () => {
  expect([5, 60, 300, 3_600, 90].map(refreshText)).toEqual(["5s", "1m", "5m", "1h", "90s"]);
  expect(["5s", "1m", "1h", "off", "30"].map(parseRefresh)).toEqual([5, 60, 3_600, null, 30]);
  expect([null, "", "1s", "x", "9999999s", "-5s"].map(parseRefresh)).toEqual(
    Array(6).fill(undefined),
  );
});

test("a dashboard as it came is its own draft", () => {
  const { name, description, params, settings, tiles } = empty;
  const dashboard = {
    id: "x",
    version: 1,
    name,
    description,
    params,
    settings,
    tiles,
  } as Dashboard;
  expect(draftOf(dashboard)).toEqual(empty);
});
