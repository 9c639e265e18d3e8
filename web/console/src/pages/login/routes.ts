import type { RouteRecordRaw } from "vue-router";

export const signInRoutes: RouteRecordRaw[] = [
  { path: "/login", component: () => import("./SignInPage.vue"), meta: { title: "login.title", open: true } },
  { path: "/:missing(.*)*", component: () => import("./NotFoundPage.vue"), meta: { title: "frame.not_found" } },
];
