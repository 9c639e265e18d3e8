/** The pages on which processes are redrawn. */
import type { RouteRecordRaw } from "vue-router";

export const processRoutes: RouteRecordRaw[] = [
  { path: "/processes", component: () => import("./ProcessesPage.vue"), meta: { title: "processes.title" } },
  { path: "/processes/drafts/:id", component: () => import("./DraftPage.vue"), meta: { title: "draft.title" } },
];
