/** How this device shows things: large type, high contrast. Kept on the device, being about its screen and its user. */
import { ref, watchEffect, type Ref } from "vue";

export const large = kept("large");
export const contrast = kept("contrast");

function kept(name: string): Ref<boolean> {
  const key = `wangge.${name}`;
  const on = ref(localStorage.getItem(key) === "yes");
  watchEffect(() => {
    localStorage.setItem(key, on.value ? "yes" : "no");
    document.documentElement.classList.toggle(`wg-${name}`, on.value);
  });
  return on;
}
