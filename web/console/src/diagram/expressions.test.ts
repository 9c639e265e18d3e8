import { expect, it } from "vitest";

import { faults, suggestions, type Known } from "./expressions";

const known: Known = {
  names: [
    {
      name: "urgency",
      label: "紧急程度",
      type: "string",
      choices: [
        { value: "urgent", label: "急办" },
        { value: "ordinary", label: "一般" },
      ],
    },
    { name: "units", label: "单位", type: "array", choices: [] },
  ],
  functions: [{ name: "contains", zh: "是否含有", en: "whether it holds" }],
};

const offered = (source: string) => suggestions(source, source.length, known).map((one) => one.value);

it("proposes names and functions that begin like the word", () => {
  expect(offered("u")).toEqual(["urgency", "units"]);
  expect(offered("not con")).toEqual(["contains("]);
  expect(offered("urgency and ")).toEqual([]);
});

it("proposes the values of the name that is compared, begun or not", () => {
  expect(offered("urgency == ")).toEqual(['"urgent"', '"ordinary"']);
  expect(offered('urgency != "or')).toEqual(['"ordinary"']);
  expect(offered("units == ")).toEqual([]);
});

it("replaces what was begun and nothing before it", () => {
  expect(suggestions('units and urgency == "ur', 24, known)[0]).toMatchObject({ value: '"urgent"', from: 21 });
});

it("tells slips and no others", () => {
  expect(faults('contains(units, "a") and urgency == "urgent"', known)).toEqual([]);
  expect(faults("nobody and nobody", known)).toEqual([{ kind: "unknown", name: "nobody" }]);
  expect(faults('urgency = "urgent"', known)).toEqual([{ kind: "assignment" }]);
  expect(faults('urgency == "urgent', known)).toEqual([{ kind: "quote" }]);
  expect(faults("(urgency", known)).toEqual([{ kind: "bracket" }]);
  expect(faults("units.first and units[0]", known)).toEqual([]);
});
