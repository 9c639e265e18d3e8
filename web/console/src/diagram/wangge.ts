/** Our own words in a BPMN file, for bpmn-moddle: exactly what `engine/bpmn.py` reads, nothing more. Elements and
 * attributes of other tools are left as they are. */

const text = (name: string) => ({ name, isAttr: true, type: "String" });

export const WANGGE = {
  name: "wangge",
  prefix: "wangge",
  uri: "urn:wangge:bpmn:1",
  xml: { tagAlias: "lowerCase" },
  associations: [],
  types: [
    {
      name: "Step",
      extends: ["bpmn:FlowNode"],
      properties: ["role", "unit", "form", "limit", "status", "basis", "result", "handler", "decision", "key"].map(
        text,
      ),
    },
    { name: "Desk", extends: ["bpmn:Lane"], properties: [text("role")] },
    { name: "Due", extends: ["bpmn:TimerEventDefinition"], properties: [text("limit")] },
    {
      name: "Property",
      superClass: ["Element"],
      meta: { allowedIn: ["bpmn:FlowNode"] },
      properties: [text("name"), text("value")],
    },
    {
      name: "Parameter",
      superClass: ["Element"],
      meta: { allowedIn: ["bpmn:ServiceTask", "bpmn:SendTask", "bpmn:BusinessRuleTask"] },
      properties: [text("name"), text("value")],
    },
  ],
};
