/** A limit in words: "5 个工作日 · 产品默认 · ZJ-13.3". Amount and unit come from the pack; nothing is counted here. */
import { t, type Word } from "../words";
import type { LimitData } from "./vocabulary";

export const UNITS = {
  working_day: "limits.unit.working_day",
  natural_day: "limits.unit.natural_day",
  working_hour: "limits.unit.working_hour",
  natural_hour: "limits.unit.natural_hour",
  natural_minute: "limits.unit.natural_minute",
} as const satisfies Record<string, Word>;

export const BASES = {
  statute: "limits.basis.statute",
  local_rule: "limits.basis.local_rule",
  draft: "limits.basis.draft",
  product_default: "limits.basis.product_default",
} as const satisfies Record<string, Word>;

export function limitWords(limit: LimitData): string {
  const basis = BASES[limit.basis?.kind as keyof typeof BASES];
  return [amountWords(limit), basis ? t(basis) : "", limit.basis?.article ?? ""].filter(Boolean).join(" · ");
}

export function amountWords(limit: LimitData): string {
  const unit = UNITS[limit.unit as keyof typeof UNITS];
  if (limit.none || limit.amount == null || !unit) return t("limits.none");
  return t("limits.amount_of", { amount: limit.amount, unit: t(unit) });
}
