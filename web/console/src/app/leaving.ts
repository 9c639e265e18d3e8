/** Leaving: what is kept as a draft only in this browser goes with it, so one is asked. */
import { ElMessageBox } from "element-plus";
import type { Router } from "vue-router";

import { draftCount } from "../form/drafts";
import { t } from "../words";
import { signOut } from "./session";

export async function leave(router: Router): Promise<void> {
  const count = draftCount();
  if (count > 0 && !(await agreed(count))) return;
  await signOut();
  await router.push("/login");
}

async function agreed(count: number): Promise<boolean> {
  const asked = ElMessageBox.confirm(t("frame.sign_out.drafts", { count }), t("frame.sign_out"), {
    confirmButtonText: t("frame.sign_out"),
    cancelButtonText: t("frame.sign_out.stay"),
  });
  return asked.then(
    () => true,
    () => false,
  );
}
