/** What the fields of the panel are called, by what they set. */
import type { Word } from "../../words";

export const LABELS = {
  role: "panel.role",
  unit: "panel.unit",
  form: "panel.form",
  limit: "panel.limit",
  status: "panel.status",
  basis: "panel.basis",
  handler: "panel.handler",
  decision: "panel.decision",
  key: "panel.key",
  limit_from: "panel.limit_from",
  role_from: "panel.role_from",
  separate_from: "panel.separate_from",
  clock_until: "panel.clock_until",
  setting: "panel.setting",
  loopCondition: "panel.loopCondition",
  loopCardinality: "panel.loopCardinality",
  completionCondition: "panel.completionCondition",
  loopDataInputRef: "panel.loopDataInputRef",
  loopDataOutputRef: "panel.loopDataOutputRef",
  inputDataItem: "panel.inputDataItem",
  outputDataItem: "panel.outputDataItem",
} as const satisfies Record<string, Word>;

export type Labelled = keyof typeof LABELS;

export const HELP = {
  limit_from: "panel.limit_from.help",
  role_from: "panel.role_from.help",
  separate_from: "panel.separate_from.help",
  clock_until: "panel.clock_until.help",
  setting: "panel.setting.help",
} as const satisfies Record<string, Word>;

export const TIMERS = {
  timeDuration: "panel.timer.duration",
  timeDate: "panel.timer.date",
  timeCycle: "panel.timer.cycle",
  limit: "panel.timer.limit",
} as const satisfies Record<string, Word>;

export const TIMER_HELP = {
  timeDuration: "panel.timer.duration.help",
  timeDate: "panel.timer.date.help",
  timeCycle: "panel.timer.cycle.help",
} as const satisfies Record<string, Word>;

export const HANDLER_KINDS = {
  decide: "panel.handler.decide",
  enact: "panel.handler.enact",
  effect: "panel.handler.effect",
  guard: "panel.handler.guard",
} as const satisfies Record<string, Word>;
