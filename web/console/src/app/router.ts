/** Which address shows which page: one line per folder of pages. Addresses are hashes, so that any path prefix works. */
import { createRouter, createWebHashHistory, type RouteRecordRaw } from "vue-router";

import { inboxRoutes } from "../pages/inbox/routes";
import { matterRoutes } from "../pages/matters/routes";
import { overdueRoutes } from "../pages/overdue/routes";
import { processRoutes } from "../pages/processes/routes";
import { requestRoutes } from "../pages/requests/routes";
import { versionRoutes } from "../pages/versions/routes";
import { signInRoutes } from "../pages/login/routes";
import type { Word } from "../words";
import { entries } from "./navigation";
import { load, me } from "./session";

declare module "vue-router" {
  interface RouteMeta {
    /** What the tab is called. */
    title: Word;
    /** Shown without anybody signed in. */
    open?: boolean;
  }
}

const routes: RouteRecordRaw[] = [
  { path: "/", component: { render: () => null }, meta: { title: "frame.product" } },
  ...inboxRoutes,
  ...matterRoutes,
  ...overdueRoutes,
  ...requestRoutes,
  ...processRoutes,
  ...versionRoutes,
  ...signInRoutes,
];

export const router = createRouter({ history: createWebHashHistory(), routes });

router.beforeEach(async (to) => {
  if (to.meta.open) return true;
  const known = me.value !== null || (await load());
  if (!known) return { path: "/login", query: to.path === "/" ? {} : { next: to.fullPath } };
  return to.path === "/" ? (entries()[0]?.to ?? "/inbox") : true;
});
