/** The pages on which versions are looked at, compared and published, and running matters go over to another one. */
import type { RouteRecordRaw } from "vue-router";

export const versionRoutes: RouteRecordRaw[] = [
  { path: "/versions", component: () => import("./VersionsPage.vue"), meta: { title: "versions.title" } },
  { path: "/versions/:place/:date", component: () => import("./VersionPage.vue"), meta: { title: "versions.one" } },
  { path: "/compare", component: () => import("./ComparePage.vue"), meta: { title: "compare.title" } },
  { path: "/drafts/:id/publish", component: () => import("./PublishPage.vue"), meta: { title: "publish.title" } },
  { path: "/migrations", component: () => import("./MigrationsPage.vue"), meta: { title: "migration.title" } },
  { path: "/migrations/:id", component: () => import("./MigrationPage.vue"), meta: { title: "migration.title" } },
  { path: "/migrations/:id/report", component: () => import("./ReportPage.vue"), meta: { title: "migration.report" } },
];
