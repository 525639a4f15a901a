import { z } from "zod";
import { route } from "./route.ts";
import { email, id, instant, name, newPassword, page, text } from "./text.ts";

/** Viewer: look at and run what is granted. Editor: also write SQL, create, change. Admin: everything. */
export const Role = z.enum(["viewer", "editor", "admin"]).meta({ id: "Role" });
export type Role = z.infer<typeof Role>;

export const PersonRef = z.strictObject({ id, name: z.string() }).meta({ id: "PersonRef" });
export type PersonRef = z.infer<typeof PersonRef>;

export const Member = z
  .strictObject({
    id,
    name: z.string(),
    email: z.string(),
    role: Role,
    status: z.enum(["invited", "active", "deactivated"]),
    groups: z.array(z.strictObject({ id, name: z.string() })),
    created_at: instant,
    last_seen_at: instant.nullable(),
  })
  .meta({ id: "Member" });
export type Member = z.infer<typeof Member>;

/** A one-time link; `url` carries its token in the fragment and is shown only in this reply. */
export const OneTimeLink = z
  .strictObject({ url: z.string(), expires_at: instant })
  .meta({ id: "OneTimeLink" });
export type OneTimeLink = z.infer<typeof OneTimeLink>;

export const linkToken = text(200).min(1);
const byId = z.strictObject({ id });
const tag = "members";

export const listMembers = route({
  operation: "listMembers",
  summary: "People of the organisation",
  tag,
  method: "GET",
  path: "/api/v1/members",
  replies: { 200: page(Member) },
});

export const addMember = route({
  operation: "addMember",
  summary: "Add a person; the reply holds the one-time link to send them",
  tag,
  method: "POST",
  path: "/api/v1/members",
  body: z.strictObject({ email, name, role: Role }),
  replies: { 201: z.strictObject({ member: Member, link: OneTimeLink }) },
});

export const changeMember = route({
  operation: "changeMember",
  summary: "Change a person's role, or deactivate or reactivate them",
  tag,
  method: "PATCH",
  path: "/api/v1/members/:id",
  params: byId,
  body: z.strictObject({ role: Role.optional(), active: z.boolean().optional() }),
  replies: { 200: Member },
});

export const linkMember = route({
  operation: "linkMember",
  summary: "A new one-time link with which the person sets a password; earlier links end",
  tag,
  method: "POST",
  path: "/api/v1/members/:id/link",
  params: byId,
  replies: { 201: OneTimeLink },
});

export const readLink = route({
  operation: "readLink",
  summary: "Whom a one-time link is for",
  tag,
  method: "POST",
  path: "/api/v1/links/read",
  body: z.strictObject({ token: linkToken }),
  replies: { 200: z.strictObject({ email: z.string(), name: z.string(), org: z.string() }) },
});

export const acceptLink = route({
  operation: "acceptLink",
  summary: "Use a one-time link: set name and password, and be signed in",
  tag,
  method: "POST",
  path: "/api/v1/links/accept",
  body: z.strictObject({ token: linkToken, name, password: newPassword }),
  replies: { 200: z.strictObject({ user: PersonRef }) },
});
