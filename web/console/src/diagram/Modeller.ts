/** The drawing board: bpmn-js with our panel, our words and only what runs. Pages talk to this class; bpmn-js itself is
 * known in this folder alone. The watermark that its licence asks for stays where it is. */
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-js.css";
import "bpmn-js/dist/assets/bpmn-font/css/bpmn.css";
import "@bpmn-io/properties-panel/dist/assets/properties-panel.css";
import "diagram-js-minimap/assets/diagram-js-minimap.css";
import "./modeller.css";

import Modeler from "bpmn-js/lib/Modeler";
import { BpmnPropertiesPanelModule, BpmnPropertiesProviderModule } from "bpmn-js-properties-panel";
import MinimapModule from "diagram-js-minimap";

import { language } from "../words";
import type { Known } from "./expressions";
import { dataObjects, groupsFor, REPLACED, type PanelGroup } from "./panel/groups";
import { isNode, type Bo, type Drawn, type Tools } from "./model";
import { RunsModule } from "./runs";
import { translating } from "./translate";
import { firstOfItsName, NOTHING, type LimitData, type Name, type Vocabulary } from "./vocabulary";
import { WANGGE } from "./wangge";

interface EventBus {
  on(event: string | string[], listener: (event: { element?: Drawn; newSelection?: Drawn[] }) => void): void;
  fire(event: string, data: unknown): void;
}
interface Registry {
  get(id: string): Drawn | undefined;
  filter(keep: (element: Drawn) => boolean): Drawn[];
}
interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}
interface Canvas {
  viewbox(): { inner: Box; outer: { width: number; height: number } };
  viewbox(to: Box): void;
  zoom(to?: "fit-viewport" | number, at?: "auto"): number;
  resized(): void;
  scrollToElement(element: Drawn, padding: number): void;
  addMarker(id: string, marker: string): void;
  removeMarker(id: string, marker: string): void;
  getRootElement(): Drawn;
  focus(): void;
}
interface Overlays {
  add(
    element: string,
    type: string,
    overlay: { position: Position; html: HTMLElement; scale?: object; show?: { minZoom: number } },
  ): string;
  remove(filter: { type: string }): void;
}

/** Pixels from the edges of an element. */
type Position = Record<string, number>;

/** Pixels that the palette takes on the left, and what is left free around a diagram. */
const PALETTE = 116;
const MARGIN = 24;
/** The scale below which labels cannot be read. */
const READABLE = 0.7;
/** How far badges shrink and grow with the diagram. */
const SCALE = { min: 0.5, max: 1.1 };

export interface Board {
  /** Where the diagram and the properties are shown. */
  canvas: HTMLElement;
  panel: HTMLElement;
  editLimit: (key: string, change: Partial<LimitData>) => void;
  /** After every change of the diagram, also undo and redo. */
  changed: () => void;
  selected: (id: string) => void;
}

export class Modeller {
  private readonly modeler: Modeler;
  private words: Vocabulary = NOTHING;
  private loading = false;
  /** Whether the diagram has been seen whole; what is hidden has no size yet. */
  private fitted = false;

  constructor(private readonly board: Board) {
    this.modeler = new Modeler({
      container: board.canvas,
      propertiesPanel: { parent: board.panel },
      minimap: { open: false },
      moddleExtensions: { wangge: WANGGE },
      additionalModules: [
        BpmnPropertiesPanelModule,
        BpmnPropertiesProviderModule,
        MinimapModule,
        RunsModule,
        { translate: ["value", translating(() => language.value)] },
        this.groups(),
      ] as never,
    });
    this.on("commandStack.changed", () => {
      if (!this.loading) board.changed();
    });
    this.on("selection.changed", ({ newSelection }) => board.selected(newSelection?.[0]?.id ?? ""));
  }

  /** Opens a diagram; undo begins anew. Returns the remarks of the reader. Throws when it cannot be read at all. */
  async open(xml: string): Promise<string[]> {
    this.loading = true;
    try {
      const { warnings } = await this.modeler.importXML(xml);
      this.fitted = false;
      this.fit();
      return warnings.map(String);
    } finally {
      this.loading = false;
    }
  }

  async xml(): Promise<string> {
    const { xml } = await this.modeler.saveXML({ format: true });
    return xml ?? "";
  }

  async svg(): Promise<string> {
    return (await this.modeler.saveSVG()).svg;
  }

  destroy(): void {
    this.modeler.destroy();
  }

  /** From now on the panel offers this. */
  speak(words: Vocabulary): void {
    this.words = words;
    this.refresh();
  }

  // -- what is drawn -----------------------------------------------------------------------------------

  get tools(): Tools {
    return { modeling: this.modeler.get("modeling"), bpmnFactory: this.modeler.get("bpmnFactory") };
  }

  element(id: string): Drawn | undefined {
    return this.registry.get(id);
  }

  /** What people call an element; of a line without a name, what it leads from and to. */
  nameOf(id: string): string {
    const bo = this.registry.get(id)?.businessObject;
    const ends = [bo?.sourceRef, bo?.targetRef].filter(Boolean).map((one: Bo) => one.name || one.id);
    return bo?.name || ends.join(" → ") || id;
  }

  /** Every step, event and gateway in the order in which it was drawn. */
  nodes(): Drawn[] {
    return this.registry.filter((one) => !one.labelTarget && isNode(one.businessObject));
  }

  flows(): Drawn[] {
    return this.registry.filter((one) => !one.labelTarget && one.type === "bpmn:SequenceFlow");
  }

  /** The names that expressions of this diagram can use. */
  known(): Known {
    const root = this.canvas.getRootElement()?.businessObject;
    const processes = root ? processesOf(root) : [];
    const objects = processes.flatMap(allDataObjects).map((one) => plainName(one.id, one.name));
    const names = [...this.words.names, ...objects, ...this.nodes().flatMap((one) => written(one.businessObject))];
    return { names: names.filter(firstOfItsName()), functions: this.words.functions };
  }

  // -- showing -----------------------------------------------------------------------------------------

  select(id: string): void {
    const element = this.registry.get(id);
    if (!element) return;
    (this.modeler.get("selection") as { select(one: Drawn): void }).select(element);
    this.reveal(id);
  }

  /** Brings an element into view, near enough to be read. */
  reveal(id: string): void {
    const element = this.registry.get(id);
    if (!element) return;
    if (this.canvas.zoom() < READABLE) this.canvas.zoom(READABLE);
    this.canvas.scrollToElement(element, PALETTE);
  }

  mark(id: string, marker: string, on: boolean): void {
    if (!this.registry.get(id)) return;
    if (on) this.canvas.addMarker(id, marker);
    else this.canvas.removeMarker(id, marker);
  }

  /** Puts a badge on the corner of an element; what is not drawn (any more) gets none. */
  badge(id: string, type: string, html: HTMLElement): void {
    const element = this.registry.get(id);
    if (!element || element === this.canvas.getRootElement()) return;
    const position = element.waypoints ? { top: -10, left: 0 } : { top: -14, left: -10 };
    this.overlays.add(id, type, { position, html, scale: SCALE });
  }

  /** Puts a label on the other corner, where it covers no badge; of a line, on its middle, and not from afar. */
  label(id: string, type: string, html: HTMLElement): void {
    const element = this.registry.get(id);
    if (!element || element === this.canvas.getRootElement()) return;
    const { waypoints } = element;
    const position = waypoints ? middle(waypoints) : { top: -14, right: 18 };
    this.overlays.add(id, type, { position, html, scale: SCALE, ...(waypoints ? { show: { minZoom: 0.4 } } : {}) });
  }

  unbadge(type: string): void {
    this.overlays.remove({ type });
  }

  /** The whole diagram, beside the palette and not below it. */
  fit(): void {
    const { inner, outer } = this.canvas.viewbox();
    if (!outer.width || !inner.width) return;
    const room = { width: outer.width - PALETTE - MARGIN, height: outer.height - 2 * MARGIN };
    const scale = Math.min(1, room.width / inner.width, room.height / inner.height);
    const [width, height] = [outer.width / scale, outer.height / scale];
    this.fitted = true;
    this.canvas.viewbox({ x: inner.x - PALETTE / scale, y: inner.y - (height - inner.height) / 2, width, height });
  }

  zoom(by: number): void {
    this.canvas.zoom(this.canvas.zoom() * by);
  }

  /** The place it is shown in has another size, or was hidden. */
  resized(): void {
    this.canvas.resized();
    if (!this.fitted) this.fit();
  }

  undo(): void {
    this.act("undo");
  }

  redo(): void {
    this.act("redo");
  }

  find(): void {
    this.act("find");
  }

  get canUndo(): boolean {
    return (this.modeler.get("commandStack") as { canUndo(): boolean }).canUndo();
  }

  get canRedo(): boolean {
    return (this.modeler.get("commandStack") as { canRedo(): boolean }).canRedo();
  }

  focus(): void {
    this.canvas.focus();
  }

  // ----------------------------------------------------------------------------------------------------

  private groups(): object {
    const made = (element: Drawn): PanelGroup[] =>
      groupsFor(element, {
        tools: this.tools,
        vocabulary: () => this.words,
        known: () => this.known(),
        editLimit: this.board.editLimit,
      });
    class Groups {
      static $inject = ["propertiesPanel"];
      constructor(panel: { registerProvider(priority: number, provider: unknown): void }) {
        panel.registerProvider(500, this);
      }
      getGroups(element: Drawn) {
        return (groups: PanelGroup[]) => {
          const [general, ...others] = groups.filter((one) => !REPLACED.has(one.id));
          return [...(general ? [general] : []), ...made(element), ...others];
        };
      }
    }
    return { __init__: ["wanggeGroups"], wanggeGroups: ["type", Groups] };
  }

  /** The panel draws itself again when an element has changed; nothing has, but what can be chosen. */
  private refresh(): void {
    const [selected] = (this.modeler.get("selection") as { get(): Drawn[] }).get();
    const element = selected ?? this.canvas.getRootElement();
    if (element) this.bus.fire("elements.changed", { elements: [element] });
  }

  private act(name: string): void {
    this.canvas.focus();
    (this.modeler.get("editorActions") as { trigger(name: string): void }).trigger(name);
  }

  private on(event: string, listener: (event: { newSelection?: Drawn[] }) => void): void {
    this.bus.on(event, listener);
  }

  private get bus(): EventBus {
    return this.modeler.get("eventBus");
  }

  private get registry(): Registry {
    return this.modeler.get("elementRegistry");
  }

  private get canvas(): Canvas {
    return this.modeler.get("canvas");
  }

  private get overlays(): Overlays {
    return this.modeler.get("overlays");
  }
}

/** The middle of a line, from the upper left of the room it takes. */
function middle(waypoints: readonly { x: number; y: number }[]): Position {
  const at = Math.floor((waypoints.length - 1) / 2);
  const [one, other] = [waypoints[at], waypoints[at + 1]];
  if (!one || !other) return { top: 0, left: 0 };
  const top = Math.min(...waypoints.map(({ y }) => y));
  const left = Math.min(...waypoints.map(({ x }) => x));
  return { top: (one.y + other.y) / 2 - top - 12, left: (one.x + other.x) / 2 - left - 30 };
}

/** The processes of a file, from what is drawn at the root: a process or a collaboration of some. */
function processesOf(root: Bo): Bo[] {
  const participants = (root.participants ?? []) as Bo[];
  return participants.length ? participants.map((one) => one.processRef as Bo).filter(Boolean) : [root];
}

function allDataObjects(process: Bo): Bo[] {
  const inside = (process.flowElements ?? []) as Bo[];
  return [
    ...dataObjects({ ...process, $parent: undefined, flowElements: inside } as Bo),
    ...inside.filter((one) => one.flowElements).flatMap(allDataObjects),
  ];
}

/** The names that a node writes: by its script, or for each item that it is repeated for. */
function written(node: Bo): Name[] {
  const script = [...String(node.script ?? "").matchAll(/^\s*([\p{L}_][\p{L}\p{N}_]*)\s*=(?!=)/gmu)].map(
    (found) => found[1],
  );
  const loop = node.loopCharacteristics as Bo | undefined;
  const items =
    loop?.$type === "bpmn:MultiInstanceLoopCharacteristics"
      ? [loop.inputDataItem?.name, loop.outputDataItem?.name]
      : [];
  return [...script, ...items].filter((one): one is string => Boolean(one)).map((one) => plainName(one));
}

function plainName(name: string, label = ""): Name {
  return { name, label, type: "", choices: [] };
}
