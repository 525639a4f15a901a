// A service worker, for one thing only: it outlives the tabs, so it can tell a tab that was closed from one that was
// reloaded. It sees no requests and caches nothing.
const GRACE_MS = 2000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("message", (event) => {
  const left = event.data?.left;
  if (Array.isArray(left)) event.waitUntil(endLeft(left));
});

/** Cancels the runs of a tab that went away, unless a tab is there again at the address of the run: it was a reload. */
async function endLeft(ids) {
  await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const gone = ids.filter((id) => !tabs.some((tab) => tab.url.includes(id)));
  await Promise.all(
    gone.map((id) =>
      fetch(`/api/v1/runs/${encodeURIComponent(id)}/cancel`, {
        method: "POST",
        credentials: "same-origin",
      }),
    ),
  );
}
