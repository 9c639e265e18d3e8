/** Who is signed in, and in which of their posts they act. The token is in a cookie that no script can read. */
import { computed, ref } from "vue";

import { answer, api, askingPost, Problem, signedOut, type Shapes } from "../api/client";

export type Me = Shapes["Me"];
export type Post = NonNullable<Me["post"]>;

const KEPT = "wangge.post";

export const me = ref<Me | null>(null);

/** The post one acts in. */
export const post = computed<Post | null>(() => me.value?.post ?? null);

/** Whether the post has a permission. */
export function can(permission: string): boolean {
  return post.value?.permissions.includes(permission) ?? false;
}

/** Whether the post is in a unit of one of these kinds. */
export function isIn(...kinds: string[]): boolean {
  return kinds.includes(post.value?.unit.kind ?? "");
}

/** Asks who is signed in. False: nobody. */
export async function load(): Promise<boolean> {
  askingPost.value = sessionStorage.getItem(KEPT) ?? "";
  try {
    me.value = await answer(api.GET("/api/me"));
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) return false;
    if (!askingPost.value) throw problem;
    sessionStorage.removeItem(KEPT); // a post that this person does not have (any more)
    return load();
  }
  askingPost.value = post.value?.id ?? "";
  signedOut.value = false;
  return true;
}

/** Signs in. Throws `Problem` when refused. */
export async function signIn(login: string, password: string): Promise<void> {
  await answer(api.POST("/api/sessions", { body: { login, password } }));
  await load();
}

/** Signs out, and forgets what this tab knew. */
export async function signOut(): Promise<void> {
  await answer(api.DELETE("/api/sessions/current"));
  sessionStorage.clear();
  me.value = null;
  askingPost.value = "";
}

/** From now on one acts in this post. */
export async function choosePost(id: string): Promise<void> {
  sessionStorage.setItem(KEPT, id);
  await load();
}
