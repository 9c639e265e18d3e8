import type { RouteRecordRaw } from "vue-router";

export const requestRoutes: RouteRecordRaw[] = [
  { path: "/decisions", component: () => import("./RequestsPage.vue"), meta: { title: "requests.title" } },
];
