import { z } from "zod";
import { stateKey } from "./layers.ts";
import { PersonRef } from "./members.ts";
import { route } from "./route.ts";
import { id, instant, name, page } from "./text.ts";

export const LayerName = z
  .strictObject({
    name: z.string(),
    state_key: stateKey,
    status: z.enum(["active", "missing"]).describe("missing: no machine has the state now"),
    layer_id: id.nullable(),
    created_by: PersonRef.nullable(),
    created_at: instant,
  })
  .meta({ id: "LayerName" });
export type LayerName = z.infer<typeof LayerName>;

const tag = "layers";

export const listLayerNames = route({
  operation: "listLayerNames",
  summary: "Names that people gave to states",
  tag,
  method: "GET",
  path: "/api/v1/layer-names",
  replies: { 200: page(LayerName) },
});

export const nameState = route({
  operation: "nameState",
  summary: "Give a name to the state of a layer; a name that is in use moves there",
  tag,
  method: "PUT",
  path: "/api/v1/layer-names/:name",
  params: z.strictObject({ name }),
  body: z.strictObject({ layer_id: id }),
  replies: { 200: LayerName },
});

export const deleteLayerName = route({
  operation: "deleteLayerName",
  summary: "Forget a name; the state stays",
  tag,
  method: "DELETE",
  path: "/api/v1/layer-names/:name",
  params: z.strictObject({ name }),
  replies: { 204: z.null() },
});
