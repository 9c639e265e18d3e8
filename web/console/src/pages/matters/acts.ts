/**
 * What can be done with a step or a matter: which form each act asks for, what it brings about, and how it is sent. The
 * server says which acts there are and which are allowed now; the forms of the pack go before those written here.
 */
import { answer, api, type Shapes } from "../../api/client";
import type { Answer, Schema } from "../../form/schema";
import { catalogue, type Word } from "../../words";

export type Act = Shapes["WholeStep"]["acts"][number];
export type WholeStep = Shapes["WholeStep"];
export type WholeMatter = Shapes["WholeMatter"];

/** What an act is done to: a matter, and for acts on a step that step as it was seen. */
export interface Target {
  number: string;
  title: string;
  step: WholeStep | null;
}

interface Doing {
  /** What is asked for where the pack has no form of its own. */
  form?: Schema;
  /** What it brings about, told before it is sent; without it nothing is asked. */
  will?: Word;
  send: (target: Target, given: Answer, key: string) => Promise<unknown>;
}

const SELF_WRITTEN = 4000; // characters, as in the forms of the packs

function asked(word: Word, schema: Schema): Schema {
  const [title, en] = catalogue[word];
  return { ...schema, title, "x-en": en };
}

function form(properties: Record<string, Schema>, required = Object.keys(properties)): Schema {
  return { type: "object", properties, required };
}

const reason = asked("matters.act.reason", { type: "string", minLength: 1, maxLength: SELF_WRITTEN });
const person = asked("matters.act.person", { type: "string", minLength: 1, "x-wangge-id": "person" });

/** Acts on a step. Whatever is not here leaves the step by the way of that name (`escalate/<act>`). */
const ON_STEPS: Readonly<Record<string, Doing>> = {
  claim: { send: (to, _, key) => answer(api.POST("/api/steps/{id}/claim", { ...at(to, key), body: seen(to) })) },
  release: { send: (to, _, key) => answer(api.POST("/api/steps/{id}/release", { ...at(to, key), body: seen(to) })) },
  complete: {
    will: "matters.act.will.complete",
    send: (to, { waiver, ...given }, key) =>
      answer(
        api.POST("/api/steps/{id}/complete", {
          ...at(to, key),
          body: { ...seen(to), answer: given, waiver: typeof waiver === "string" ? waiver : "" },
        }),
      ),
  },
  return: {
    form: form({ reason }),
    will: "matters.act.will.return",
    send: (to, given, key) => answer(api.POST("/api/steps/{id}/return", { ...at(to, key), body: { ...seen(to), answer: given } })),
  },
  withdraw: {
    form: form({ reason }),
    will: "matters.act.will.withdraw",
    send: (to, given, key) => answer(api.POST("/api/steps/{id}/withdraw", { ...at(to, key), body: { ...seen(to), answer: given } })),
  },
  reassign: {
    form: form({ person, reason }),
    will: "matters.act.will.hand_over",
    send: (to, given, key) => answer(api.POST("/api/steps/{id}/reassign", { ...at(to, key), body: { ...seen(to), ...handed(given) } })),
  },
  delegate: {
    form: form({ person, reason }),
    will: "matters.act.will.hand_over",
    send: (to, given, key) => answer(api.POST("/api/steps/{id}/delegate", { ...at(to, key), body: { ...seen(to), ...handed(given) } })),
  },
  extension: {
    form: form({
      amount: asked("matters.act.amount", { type: "integer", minimum: 1, maximum: 10000 }),
      unit: asked("matters.act.unit", {
        type: "string",
        enum: ["working_day", "natural_day", "working_hour", "natural_hour"],
        default: "working_day",
        "x-labels": {
          working_day: both("matters.act.unit.working_day"),
          natural_day: both("matters.act.unit.natural_day"),
          working_hour: both("matters.act.unit.working_hour"),
          natural_hour: both("matters.act.unit.natural_hour"),
        },
      }),
      reason,
    }),
    will: "matters.act.will.request",
    send: (to, given, key) => request(to, "extension", { ...given, step: to.step?.id }, key),
  },
};

/** Acts on a matter as a whole. */
const ON_MATTERS: Readonly<Record<string, Doing>> = {
  urge: {
    form: form({ text: asked("matters.act.text", { type: "string", minLength: 1, maxLength: SELF_WRITTEN }) }),
    will: "matters.act.will.urge",
    send: (to, given, key) => {
      const body = { text: String(given.text), step: to.step?.id ?? null };
      return answer(api.POST("/api/matters/{number}/urge", { ...on(to, key), body }));
    },
  },
  supervise: {
    form: form({
      unit: asked("matters.act.supervised", { type: "string", minLength: 1, "x-wangge-id": "unit" }),
      opinion: asked("matters.act.opinion", { type: "string", minLength: 1, maxLength: SELF_WRITTEN }),
    }),
    will: "matters.act.will.supervise",
    send: (to, given, key) => {
      const body = { unit: String(given.unit), opinion: String(given.opinion) };
      return answer(api.POST("/api/matters/{number}/supervise", { ...on(to, key), body }));
    },
  },
  merge: {
    form: form({ main: asked("matters.act.main", { type: "string", minLength: 1, maxLength: 40 }), reason }),
    will: "matters.act.will.merge",
    send: (to, given, key) => {
      const body = { main: String(given.main), reason: String(given.reason) };
      return answer(api.POST("/api/matters/{number}/merge", { ...on(to, key), body }));
    },
  },
  suspension: {
    form: form({
      ground: asked("matters.act.ground", { type: "string", minLength: 1, maxLength: 200 }),
      ceiling_days: asked("matters.act.ceiling", { type: "integer", minimum: 1, maximum: 10000 }),
      reason,
    }),
    will: "matters.act.will.request",
    send: (to, given, key) => request(to, "suspension", given, key),
  },
  resumption: {
    form: form({ reason }),
    will: "matters.act.will.request",
    send: (to, given, key) => request(to, "resumption", given, key),
  },
  void: { form: form({ reason }), will: "matters.act.will.request", send: (to, given, key) => request(to, "void", given, key) },
  consultation: {
    form: form({
      to_unit: asked("matters.act.to_unit", { type: "string", minLength: 1, "x-wangge-id": "unit" }),
      reason: asked("matters.act.question", { type: "string", minLength: 1, maxLength: SELF_WRITTEN }),
    }),
    will: "matters.act.will.request",
    send: (to, given, key) => request(to, "consultation", given, key),
  },
};

/** Acts whose form the pack has too, for when somebody else fills it in: what is sent here is what is written here. */
const OWN_FORM: ReadonlySet<string> = new Set(["supervise", "void"]);

/** How an act of this name is done. */
export function doing(name: string): Doing {
  return (
    ON_STEPS[name] ??
    ON_MATTERS[name] ?? {
      form: form({ reason }),
      will: name === "dispute" ? "matters.act.will.dispute" : undefined,
      send: (to, given, key) =>
        answer(
          api.POST("/api/steps/{id}/escalate/{code}", {
            params: { path: { id: to.step!.id, code: name }, header: { "Idempotency-Key": key } },
            body: { ...seen(to), answer: given },
          }),
        ),
    }
  );
}

/** The form an act asks for on this target; null: nothing is asked, it is done at once. */
export function formOf(act: Act, target: Target): Schema | null {
  if (act.act === "complete") return withWaiver(target.step);
  if (act.form && !OWN_FORM.has(act.act)) return act.form as Schema;
  return doing(act.act).form ?? null;
}

/** The step's own form; who checks what they did themselves says why it has to be them. */
function withWaiver(step: WholeStep | null): Schema {
  const own = (step?.form ?? { type: "object", properties: {} }) as Schema;
  if (!step?.waiver) return own;
  const why = asked("matters.waiver", { type: "string", minLength: 1, maxLength: SELF_WRITTEN });
  const told = { description: step.waiver.zh, "x-en-description": step.waiver.en };
  return {
    ...own,
    properties: { waiver: { ...why, ...told }, ...own.properties },
    required: ["waiver", ...(own.required ?? [])],
  };
}

function both(word: Word): { zh: string; en: string } {
  const [zh, en] = catalogue[word];
  return { zh, en };
}

function at(to: Target, key: string): { params: { path: { id: number }; header: { "Idempotency-Key": string } } } {
  return { params: { path: { id: to.step!.id }, header: { "Idempotency-Key": key } } };
}

function on(to: Target, key: string): { params: { path: { number: string }; header: { "Idempotency-Key": string } } } {
  return { params: { path: { number: to.number }, header: { "Idempotency-Key": key } } };
}

function seen(to: Target): { revision: number } {
  return { revision: to.step!.revision };
}

function handed(given: Answer): { person: string; reason: string } {
  return { person: String(given.person), reason: String(given.reason) };
}

type Ask = NonNullable<Shapes["Ask"]>;

function request(to: Target, kind: Ask["kind"], given: Answer, key: string): Promise<unknown> {
  const body = { ...given, kind, reason: String(given.reason) } as Ask;
  return answer(api.POST("/api/matters/{number}/requests", { ...on(to, key), body }));
}
