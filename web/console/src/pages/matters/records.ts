/** What kinds of records there are, in words. */
import { t } from "../../words";

const KINDS: Readonly<Record<string, () => string>> = {
  opened: () => t("matters.record.opened"),
  claimed: () => t("matters.record.claimed"),
  released: () => t("matters.record.released"),
  completed: () => t("matters.record.completed"),
  decided: () => t("matters.record.decided"),
  handled: () => t("matters.record.decided"),
  return: () => t("matters.record.returned"),
  escalate: () => t("matters.record.escalated"),
  escalated: () => t("matters.record.escalated"),
  "passed-on": () => t("matters.record.escalated"),
  withdraw: () => t("matters.record.withdrawn"),
  dispute: () => t("matters.record.disputed"),
  interrupted: () => t("matters.record.interrupted"),
  "message-received": () => t("matters.record.message"),
  urged: () => t("matters.record.urged"),
  supervised: () => t("matters.record.supervised"),
  merged: () => t("matters.record.merged"),
  "took-in-duplicate": () => t("matters.record.duplicate"),
  attached: () => t("matters.record.attached"),
  revealed: () => t("matters.record.revealed"),
  refused: () => t("matters.record.refused"),
  reassigned: () => t("matters.record.reassigned"),
  delegated: () => t("matters.record.delegated"),
  voided: () => t("matters.record.voided"),
  ended: () => t("matters.record.ended"),
  "timer-fired": () => t("matters.record.timer"),
  fired: () => t("matters.record.timer"),
  "handler-failed": () => t("matters.record.failed"),
  retried: () => t("matters.record.retried"),
  "given-up": () => t("matters.record.given_up"),
  "suspension-ended": () => t("matters.record.suspension_ended"),
  "due-recomputed": () => t("matters.record.due"),
  migrated: () => t("matters.record.migrated"),
};

const REQUESTS: Readonly<Record<string, () => string>> = {
  extension: () => t("requests.kind.extension"),
  suspension: () => t("requests.kind.suspension"),
  resumption: () => t("requests.kind.resumption"),
  void: () => t("requests.kind.void"),
  consultation: () => t("requests.kind.consultation"),
};

const OUTCOMES: Readonly<Record<string, (kind: string) => string>> = {
  asked: (kind) => t("matters.record.asked", { kind }),
  granted: (kind) => t("matters.record.granted", { kind }),
  denied: (kind) => t("matters.record.denied", { kind }),
  answered: (kind) => t("matters.record.answered", { kind }),
};

const LIGHTS: Readonly<Record<string, () => string>> = {
  green: () => t("design.light.green"),
  yellow: () => t("design.light.yellow"),
  red: () => t("design.light.red"),
  supervise: () => t("design.light.supervise"),
};

/** What a request is called. */
export function requestName(kind: string): string {
  return REQUESTS[kind]?.() ?? kind;
}

/** What happened. */
export function happened(record: { kind: string; detail: Record<string, unknown> }): string {
  if (record.kind === "light-changed") return t("matters.record.light", { light: LIGHTS[String(record.detail.light)]?.() ?? "" });
  const [asked = "", outcome = ""] = record.kind.split("-");
  if (REQUESTS[asked] && OUTCOMES[outcome]) return OUTCOMES[outcome](requestName(asked));
  return KINDS[record.kind]?.() ?? t("matters.record.other", { kind: record.kind });
}
