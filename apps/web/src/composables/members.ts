import { changeMember, linkMember, listMembers, type Role } from "@quern/contract/members";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed } from "vue";
import { api } from "../api.ts";
import { language } from "../i18n/language.ts";
import { useCan } from "./session.ts";

/** The people of the organisation by name, those who were deactivated last. */
export function useMembers() {
  const can = useCan();
  const list = useQuery({
    queryKey: ["members"],
    queryFn: ({ signal }) => api.call(listMembers, { signal }),
    enabled: () => can("members.read"),
  });
  const members = computed(() =>
    [...(list.data.value?.items ?? [])].sort(
      (a, b) =>
        Number(a.status === "deactivated") - Number(b.status === "deactivated") ||
        a.name.localeCompare(b.name, language),
    ),
  );
  return { ...list, members };
}

/** What an admin does to a member; each throws what the API throws. */
export function useMemberChanges() {
  const queries = useQueryClient();
  const reread = async () => {
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["members"] }),
      queries.invalidateQueries({ queryKey: ["groups"] }),
    ]);
  };
  return {
    reread,
    async change(id: string, body: { role?: Role; active?: boolean }): Promise<void> {
      try {
        await api.call(changeMember, { params: { id }, body });
      } finally {
        // A refusal too: the page must show what is, not what was asked for.
        await reread();
      }
    },
    newLink: (id: string) => api.call(linkMember, { params: { id } }),
  };
}
