import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { changeLimit, nameLimit, stepsOf } from "./limits";

const MATTER = readFileSync(join(process.cwd(), "../../processes/zhenjiang/2026-01-01/matter.bpmn"), "utf-8");

it("changes a limit where it is written and nowhere else", () => {
  const files = {
    "limits.json": JSON.stringify([
      { key: "verify", amount: 2 },
      { key: "check", amount: 1 },
    ]),
    "procedures/exit/procedure.json": JSON.stringify({ process: "exit", limits: [{ key: "leave", amount: 5 }] }),
  };
  expect(Object.keys(changeLimit(files, "leave", { amount: 3 }))).toEqual(["procedures/exit/procedure.json"]);
  const changed = changeLimit(files, "verify", { amount: 3 });
  expect(JSON.parse(changed["limits.json"] ?? "")).toEqual([
    { key: "verify", amount: 3 },
    { key: "check", amount: 1 },
  ]);
  expect(changeLimit(files, "nobody", { amount: 3 })).toEqual({});
});

it("names another limit at a step of a diagram that is not on the board", async () => {
  const changed = await nameLimit(MATTER, "verify", "check");
  const limits = (xml: string): string[] => stepsOf("matter.bpmn", xml).map((one) => `${one.id} ${one.limit}`);
  expect(limits(changed)).toEqual(limits(MATTER).map((one) => (one === "verify verify" ? "verify check" : one)));
  expect(limits(await nameLimit(MATTER, "verify", ""))).toContain("verify ");
});
