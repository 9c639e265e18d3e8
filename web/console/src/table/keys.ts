/** Keys of a page: off in fields, while an input method composes, in dialogs and with Ctrl, Alt or Meta. */
import { onBeforeUnmount, onMounted } from "vue";

type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

export function atKeyboard(keys: Keys): void {
  const listen = (event: KeyboardEvent): void => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    if (target.closest("input, textarea, select, [contenteditable], [role='dialog'], [role='combobox']")) return;
    keys[event.key]?.(event);
  };
  onMounted(() => addEventListener("keydown", listen));
  onBeforeUnmount(() => removeEventListener("keydown", listen));
}
