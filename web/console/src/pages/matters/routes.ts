import type { RouteRecordRaw } from "vue-router";

export const matterRoutes: RouteRecordRaw[] = [
  { path: "/matters", component: () => import("./MattersPage.vue"), meta: { title: "matters.title" } },
  { path: "/matters/:number", component: () => import("./MatterPage.vue"), props: true, meta: { title: "matters.one" } },
  { path: "/report", component: () => import("./ReportPage.vue"), meta: { title: "report.title" } },
];
