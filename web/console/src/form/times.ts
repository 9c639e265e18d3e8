/** Moments in forms: written and shown as of Shanghai, wherever the device thinks it is. */

const SHANGHAI = "+08:00";
const SHOWN = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Asia/Shanghai",
  dateStyle: "short",
  timeStyle: "short",
});

/** `2026-11-22T10:32` as a moment with its zone; nothing for nothing. */
export function fromLocal(text: string): string | undefined {
  return text ? `${text}:00${SHANGHAI}` : undefined;
}

/** A moment as the control for day and time wants it. */
export function toLocal(moment: string | undefined): string {
  return moment ? SHOWN.format(new Date(moment)).replace(" ", "T") : "";
}

/** `2026-11-22 10:32`. */
export function shortly(moment: string | null | undefined): string {
  return moment ? SHOWN.format(new Date(moment)) : "—";
}

/** `11-22 10:32`, for lists where the year is plain. */
export function dayAndTime(moment: string | null | undefined): string {
  return moment ? SHOWN.format(new Date(moment)).slice(5) : "—";
}

/** `10:32`. */
export function clockTime(moment: Date = new Date()): string {
  return SHOWN.format(moment).slice(11);
}
