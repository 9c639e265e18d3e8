/** Moments as people read them; the server's are ISO 8601, shown in its own zone. */

export function clock(at: Date | string): string {
  return format(at, { hour: "2-digit", minute: "2-digit" });
}

export function moment(at: string): string {
  return format(at, { month: "2-digit", day: "2-digit", weekday: "short", hour: "2-digit", minute: "2-digit" });
}

function format(at: Date | string, parts: Intl.DateTimeFormatOptions): string {
  const zone = { timeZone: "Asia/Shanghai", hourCycle: "h23" } as const;
  return new Intl.DateTimeFormat(document.documentElement.lang || "zh-CN", { ...parts, ...zone }).format(new Date(at));
}
