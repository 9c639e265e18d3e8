import type { RouteRecordRaw } from "vue-router";

export const overdueRoutes: RouteRecordRaw[] = [
  { path: "/supervise/overdue", component: () => import("./OverduePage.vue"), meta: { title: "overdue.title" } },
];
