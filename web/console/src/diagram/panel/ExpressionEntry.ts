/** The field for an expression: proposes names and values while one types, and says at once what is plainly wrong. */
import { h } from "@bpmn-io/properties-panel/preact";
import { useEffect, useRef, useState } from "@bpmn-io/properties-panel/preact/hooks";

import { faults, suggestions, type Fault, type Known, type Suggestion } from "../expressions";
import { t } from "../../words";
import type { Entry, Field } from "./entries";

interface Given extends Field {
  known: () => Known;
  rows: number;
}

export function expressionField(field: Field, known: () => Known, rows = 2): Entry {
  return {
    ...field,
    known,
    rows,
    component: Expression,
    isEdited: (node: HTMLTextAreaElement) => Boolean(node?.value),
  };
}

interface Typing {
  source: string;
  offered: Suggestion[];
  chosen: number;
}

function Expression(props: Given): unknown {
  const [typing, setTyping] = useState({ source: props.get(), offered: [], chosen: 0 } as Typing);
  const [focused, setFocused] = useState(false);
  const area = useRef(null) as { current: HTMLTextAreaElement | null };
  const now = props.get();
  useEffect(() => {
    if (!focused) setTyping({ source: now, offered: [], chosen: 0 });
  }, [now, props.id]);

  const write = (source: string, caret: number): void => {
    setTyping({ source, offered: suggestions(source, caret, props.known()), chosen: 0 });
    props.set(source);
  };
  const take = (one: Suggestion): void => {
    const caret = area.current?.selectionStart ?? typing.source.length;
    const source = typing.source.slice(0, one.from) + one.value + typing.source.slice(caret);
    setTyping({ source, offered: [], chosen: 0 });
    props.set(source);
    const after = one.from + one.value.length;
    requestAnimationFrame(() => area.current?.setSelectionRange(after, after));
  };
  const pressed = (event: KeyboardEvent): void => {
    if (!typing.offered.length || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const one = typing.offered[typing.chosen];
    if (step) setTyping({ ...typing, chosen: (typing.chosen + step + typing.offered.length) % typing.offered.length });
    else if ((event.key === "Enter" || event.key === "Tab") && one) take(one);
    else if (event.key === "Escape") setTyping({ ...typing, offered: [] });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const wrong = typing.source.trim() ? faults(typing.source, props.known()) : [];
  const id = `bio-properties-panel-${props.id}`;
  return h(
    "div",
    { class: `bio-properties-panel-entry wg-expression${wrong.length ? " has-error" : ""}`, "data-entry-id": props.id },
    [
      h("label", { for: id, class: "bio-properties-panel-label" }, props.label),
      h("textarea", {
        ref: area,
        id,
        name: props.id,
        rows: props.rows,
        spellcheck: false,
        class: "bio-properties-panel-input bio-properties-panel-input-monospace",
        value: typing.source,
        role: "combobox",
        "aria-autocomplete": "list",
        "aria-expanded": typing.offered.length > 0,
        "aria-controls": `${id}-offered`,
        "aria-invalid": wrong.length > 0,
        "aria-describedby": `${id}-faults`,
        onInput: (event: InputEvent) => {
          const field = event.target as HTMLTextAreaElement;
          write(field.value, field.selectionStart);
        },
        onFocus: () => setFocused(true),
        onBlur: () => {
          setFocused(false);
          setTyping({ ...typing, offered: [] });
        },
        onKeyDown: pressed,
      }),
      h(
        "ul",
        {
          id: `${id}-offered`,
          class: "wg-offered",
          role: "listbox",
          "aria-label": t("panel.offered"),
          hidden: !focused || !typing.offered.length,
        },
        typing.offered.map((one: Suggestion, at: number) =>
          h(
            "li",
            {
              key: one.value,
              role: "option",
              "aria-selected": at === typing.chosen,
              onMouseDown: (event: MouseEvent) => {
                event.preventDefault();
                take(one);
              },
            },
            [h("code", {}, one.value), h("span", {}, one.label)],
          ),
        ),
      ),
      h("div", { id: `${id}-faults`, class: "bio-properties-panel-error", role: "status" }, wrong.map(words).join(" ")),
      props.description ? h("div", { class: "bio-properties-panel-description" }, props.description) : null,
    ],
  );
}

const FAULTS = {
  bracket: "panel.fault.bracket",
  quote: "panel.fault.quote",
  assignment: "panel.fault.assignment",
} as const;

function words(fault: Fault): string {
  if (fault.kind === "unknown") return t("panel.fault.unknown", { name: fault.name });
  return t(FAULTS[fault.kind]);
}
