/** The fields of the properties panel. A field says what it is called, how it is read and how it is changed; the panel's
 * own components (Preact, as bpmn-js-properties-panel is written) do the rest. */
import {
  CheckboxEntry,
  isCheckboxEntryEdited,
  isSelectEntryEdited,
  isTextAreaEntryEdited,
  isTextFieldEntryEdited,
  SelectEntry,
  TextAreaEntry,
  TextFieldEntry,
} from "@bpmn-io/properties-panel";
import { useService } from "bpmn-js-properties-panel";

import type { Choice } from "../vocabulary";

export interface Field<T = string> {
  id: string;
  label: string;
  /** What stands below the field, in small type. */
  description?: string;
  get: () => T;
  set: (value: T) => void;
}

/** One field of a group, as the panel wants it. */
export interface Entry {
  id: string;
  component: unknown;
  isEdited?: unknown;
  [option: string]: unknown;
}

interface Given extends Field {
  element: unknown;
}

export function textField(field: Field): Entry {
  return { ...field, component: Text, isEdited: isTextFieldEntryEdited };
}

export function textArea(field: Field, monospace = false): Entry {
  return { ...field, monospace, component: Area, isEdited: isTextAreaEntryEdited };
}

export function choiceField(field: Field, choices: readonly Choice[], none: string): Entry {
  return { ...field, choices, none, component: Select, isEdited: isSelectEntryEdited };
}

export function checkField(field: Field<boolean>): Entry {
  return { ...field, component: Check, isEdited: isCheckboxEntryEdited };
}

function Text(props: Given): unknown {
  return TextFieldEntry({ ...plain(props), debounce: useService("debounceInput") });
}

function Area(props: Given & { monospace: boolean }): unknown {
  return TextAreaEntry({
    ...plain(props),
    debounce: useService("debounceInput"),
    monospace: props.monospace,
    autoResize: true,
  });
}

function Select(props: Given & { choices: readonly Choice[]; none: string }): unknown {
  return SelectEntry({ ...plain(props), getOptions: () => options(props.get(), props.choices, props.none) });
}

function Check(props: Given): unknown {
  return CheckboxEntry(plain(props));
}

function plain(props: Given): Record<string, unknown> {
  const { element, id, label, description, get, set } = props;
  return { element, id, label, description, getValue: get, setValue: (value: string) => set(value ?? "") };
}

/** What can be chosen: also what is there now, should the pack not have it (any more). */
function options(now: string, choices: readonly Choice[], none: string): Choice[] {
  const known = choices.some((one) => one.value === now) || !now ? [] : [{ value: now, label: `? ${now}` }];
  return [{ value: "", label: none }, ...known, ...choices];
}
