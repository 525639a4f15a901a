import { z } from "zod";
import { route } from "./route.ts";
import { id, instant, name, page } from "./text.ts";

/** Everyone holds all active members and Admins all admins: their members follow from the roles. */
export const Group = z
  .strictObject({
    id,
    name: z.string(),
    system: z.enum(["everyone", "admins"]).nullable(),
    member_ids: z.array(id),
    created_at: instant,
  })
  .meta({ id: "Group" });
export type Group = z.infer<typeof Group>;

const byId = z.strictObject({ id });
const tag = "groups";

export const listGroups = route({
  operation: "listGroups",
  summary: "Groups and who is in them",
  tag,
  method: "GET",
  path: "/api/v1/groups",
  replies: { 200: page(Group) },
});

export const createGroup = route({
  operation: "createGroup",
  summary: "Create a group",
  tag,
  method: "POST",
  path: "/api/v1/groups",
  body: z.strictObject({ name, member_ids: z.array(id).max(10_000).optional() }),
  replies: { 201: Group },
});

export const changeGroup = route({
  operation: "changeGroup",
  summary: "Rename a group or set who is in it; system groups cannot be changed",
  tag,
  method: "PATCH",
  path: "/api/v1/groups/:id",
  params: byId,
  body: z.strictObject({ name: name.optional(), member_ids: z.array(id).max(10_000).optional() }),
  replies: { 200: Group },
});

export const deleteGroup = route({
  operation: "deleteGroup",
  summary: "Delete a group and its grants",
  tag,
  method: "DELETE",
  path: "/api/v1/groups/:id",
  params: byId,
  replies: { 204: z.null() },
});
