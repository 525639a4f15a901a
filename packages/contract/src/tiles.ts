import { z } from "zod";
import { Parameter, ParameterName, ParameterValue } from "./parameters.ts";
import { id, text } from "./text.ts";
import { Visualization } from "./visualizations.ts";

/** Where a tile stands on the grid of 24 columns; rows are of 32 px. */
export const TilePlace = z.strictObject({
  x: z.number().int().min(0).max(23),
  y: z.number().int().min(0).max(10_000),
  width: z.number().int().min(1).max(24),
  height: z.number().int().min(1).max(200),
});
export type TilePlace = z.infer<typeof TilePlace>;

/** Where a parameter of the tile's query gets its value from; one that has no binding uses its own default. */
export const TileBinding = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("dashboard"),
      name: ParameterName.describe("A parameter of the dashboard"),
    }),
    z.strictObject({ type: z.literal("fixed"), value: ParameterValue }),
    z.strictObject({ type: z.literal("ask") }).describe("The tile has a control of its own"),
  ])
  .meta({ id: "TileBinding" });
export type TileBinding = z.infer<typeof TileBinding>;

/** A value of a clicked mark: one of its row's columns, or a constant. */
const ClickValue = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("column"), column: text(200) }),
  z.strictObject({ type: z.literal("fixed"), value: ParameterValue }),
  z
    .strictObject({ type: z.literal("parameter"), name: ParameterName })
    .describe("As it is on this dashboard"),
]);
const clickValues = z.record(ParameterName, ClickValue);

/** What a click on a mark or a row of the tile does. */
export const TileClick = z
  .discriminatedUnion("type", [
    z
      .strictObject({ type: z.literal("filter"), set: clickValues })
      .describe(
        "Sets parameters of this dashboard; a second click on the same mark takes them back",
      ),
    z.strictObject({ type: z.literal("dashboard"), dashboard_id: id, set: clickValues }),
    z.strictObject({ type: z.literal("query"), query_id: id, set: clickValues }),
    z.strictObject({
      type: z.literal("link"),
      url: text(2_000)
        .regex(/^https?:\/\//, "must begin with https:// or http://")
        .describe("`{column}` stands for the clicked row's value, percent-encoded"),
    }),
  ])
  .meta({ id: "TileClick" });
export type TileClick = z.infer<typeof TileClick>;

const tileContent = {
  title: text(200).nullable().describe("null: the name of the visualization"),
  place: TilePlace,
};

/** A tile as it is saved. `id` is the client's choice for a new tile, so that it keeps what it knows of it. */
export const TileInput = z
  .discriminatedUnion("type", [
    z.strictObject({
      id,
      type: z.literal("visualization"),
      ...tileContent,
      visualization_id: id,
      bindings: z.record(ParameterName, TileBinding),
      click: TileClick.nullable(),
    }),
    z.strictObject({
      id,
      type: z.literal("text"),
      ...tileContent,
      content: text(50_000).describe("Markdown; HTML in it is shown as text"),
    }),
    z.strictObject({
      id,
      type: z.literal("section"),
      ...tileContent,
      collapsed: z
        .boolean()
        .describe("Whether what is below it, up to the next section, is folded away at first"),
    }),
  ])
  // Not TileInput: that is the name that OpenAPI gives to a Tile which is sent.
  .meta({ id: "SavedTile" });
export type TileInput = z.infer<typeof TileInput>;

const TileVisualization = Visualization.pick({ id: true, name: true, config: true }).extend({
  query: z.strictObject({
    id,
    name: z.string(),
    version: z.number().int(),
    params: z.array(Parameter),
    datasource: z.strictObject({ id, name: z.string() }),
  }),
});

/** A tile with what it shows. `visualization` is null when `trouble` says why. */
export const Tile = z
  .discriminatedUnion("type", [
    TileInput.options[0].extend({
      visualization_id: id.nullable(),
      visualization: TileVisualization.nullable(),
      trouble: z
        .enum(["visualization_deleted", "query_deleted", "datasource_deleted", "not_allowed"])
        .nullable(),
    }),
    TileInput.options[1],
    TileInput.options[2],
  ])
  .meta({ id: "Tile" });
export type Tile = z.infer<typeof Tile>;
