/** How facts and what was said read: fields by their names, choices by their labels, ids by what they name. */
import { computed, type ComputedRef } from "vue";

import { useListItems, usePlaces } from "../../form/choices";
import { shortly } from "../../form/times";
import { said, t, type Said } from "../../words";
import type { WholeMatter } from "./acts";

/** What a field is called, its choices, and what an id in it names. */
type Asked = WholeMatter["fields"][string];

export interface Reading {
  /** What a fact is called. */
  label: (field: string) => Said;
  /** A fact, or anything that was asked as `about` tells. */
  value: (field: string, value: unknown, about?: Asked | null) => string;
}

export function useReading(matter: () => WholeMatter | null): ComputedRef<Reading> {
  const places = usePlaces();
  const grid = computed(() => String(matter()?.facts.grid ?? ""));
  const items = useListItems(grid);
  const names = computed(() => new Map(places.value.map((one) => [one.value, one.label])));
  const types = computed(() => new Map(items.value.map((one) => [one.value, one.label])));

  return computed(() => {
    const fields = matter()?.fields ?? {};
    const read = (field: string, value: unknown, asked?: Asked | null): string => {
      const about = asked ?? fields[field];
      if (value === null || value === undefined || value === "") return t("frame.none");
      if (Array.isArray(value)) return value.map((one) => read(field, one, asked)).join("、") || t("frame.none");
      if (typeof value === "boolean") return value ? t("form.yes") : t("form.no");
      if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${said(label(name))} ${read(name, one)}`).join("，");
      if (about?.choices[String(value)]) return said(about.choices[String(value)]);
      if (about?.names === "list_item") return types.value.get(String(value)) ?? String(value);
      if (about?.names === "date-time") return shortly(String(value));
      return names.value.get(String(value)) ?? String(value);
    };
    const label = (field: string): Said => fields[field] ?? { zh: field, en: field };
    return { label, value: read };
  });
}
