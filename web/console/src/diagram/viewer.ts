/** The one file that opens bpmn-js to look at a drawing. Loaded only where a drawing is shown. */
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-js.css";
import "./viewer.css";

import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";

interface Shape {
  id: string;
  type: string;
  x: number;
  y: number;
  width: number;
  height: number;
  waypoints?: readonly { x: number; y: number }[];
  source?: Shape;
  target?: Shape;
}
interface Canvas {
  zoom(to?: number | "fit-viewport", around?: "auto"): number;
  viewbox(): Box & { outer: { width: number; height: number } };
  viewbox(box: Box): void;
  addMarker(id: string, marker: string): void;
  removeMarker(id: string, marker: string): void;
}
interface Corner {
  top: number;
  left?: number;
  right?: number;
}
interface Overlay {
  position: Corner;
  html: HTMLElement;
  scale: { min: number; max: number };
  show: { minZoom?: number };
}
interface Overlays {
  add(id: string, kind: string, overlay: Overlay): void;
  remove(which: { type: string }): void;
}
interface Bus {
  on(event: string, told: (event: { viewbox: Box }) => void): void;
}
interface Registry {
  get(id: string): Shape | undefined;
  forEach(each: (shape: Shape) => void): void;
}

/** The part of a drawing that is looked at. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What is said on an element: a class for its strokes, a short text, and the words behind it. */
export interface Sign {
  mark: string;
  text: string;
  words: string;
}

export interface Viewer {
  show: (xml: string) => Promise<void>;
  /** Marks where it stands and the path walked; how many of the nodes walked are not in the drawing. */
  mark: (visited: Readonly<Record<string, number>>, current: readonly string[], stuck: readonly string[]) => number;
  /** Puts signs on elements in the place of those before; `chosen` is told which one is pressed. */
  sign: (signs: ReadonlyMap<string, Sign>, chosen: (id: string) => void) => void;
  /** Frames one element, or none. */
  choose: (id: string) => void;
  /** Moves by so much and shows as much as another drawing does. */
  follow: (moved: Box) => void;
  zoom: (factor: number) => void;
  fit: () => void;
  goTo: (ids: readonly string[]) => void;
  close: () => void;
}

const MARKS = ["wg-walked", "wg-here", "wg-stuck", "wg-unwalked"];
const GROUND = new Set(["bpmn:Participant", "bpmn:Lane", "bpmn:Process", "bpmn:Collaboration", "bpmn:TextAnnotation"]);
const SIGNED = ["wg-added", "wg-removed", "wg-changed"];
const READABLE = 0.75; // below this zoom nobody reads the names

const SIGNS = "wangge-sign";
const LEGIBLE = { min: 0.75, max: 1.25 };
const NEAR = { minZoom: 0.4 }; // from afar the signs on lines would lie on everything; their strokes tell enough

/** `moved` is told by how much somebody has moved the drawing by hand, and how much of it is seen since. */
export async function openViewer(place: HTMLElement, xml: string, moved?: (by: Box) => void): Promise<Viewer> {
  const viewer = new NavigatedViewer({ container: place, canvas: { deferUpdate: moved === undefined } });
  const canvas = (): Canvas => viewer.get<Canvas>("canvas");
  const registry = (): Registry => viewer.get<Registry>("elementRegistry");

  function goTo(ids: readonly string[]): void {
    const shapes = ids.map((id) => registry().get(id)).filter((one): one is Shape => one !== undefined);
    const shape = shapes.toSorted((a, b) => a.width - b.width)[0]; // the step, not what it lies in
    if (!shape) return;
    const { outer } = canvas().viewbox();
    const width = outer.width / READABLE;
    const height = outer.height / READABLE;
    canvas().viewbox({ x: shape.x + shape.width / 2 - width / 2, y: shape.y + shape.height / 2 - height / 2, width, height });
  }

  async function show(drawing: string): Promise<void> {
    await viewer.importXML(drawing);
    canvas().zoom("fit-viewport", "auto");
  }

  function mark(visited: Readonly<Record<string, number>>, current: readonly string[], stuck: readonly string[]): number {
    const been = (shape: Shape | undefined): boolean => shape !== undefined && (Boolean(visited[shape.id]) || current.includes(shape.id));
    registry().forEach((shape) => {
      if (shape.id.endsWith("_label") || GROUND.has(shape.type)) return;
      for (const one of MARKS) canvas().removeMarker(shape.id, one);
      const walked = shape.waypoints ? Boolean(visited[shape.source?.id ?? ""]) && been(shape.target) : been(shape);
      canvas().addMarker(shape.id, walked ? "wg-walked" : "wg-unwalked");
      if (current.includes(shape.id)) canvas().addMarker(shape.id, "wg-here");
      if (stuck.includes(shape.id)) canvas().addMarker(shape.id, "wg-stuck");
    });
    return Object.keys(visited).filter((id) => !registry().get(id)).length;
  }

  let signed: string[] = [];
  function sign(signs: ReadonlyMap<string, Sign>, chosen: (id: string) => void): void {
    const overlays = viewer.get<Overlays>("overlays");
    overlays.remove({ type: SIGNS });
    for (const id of signed) for (const one of SIGNED) canvas().removeMarker(id, one);
    signed = [...signs.keys()].filter((id) => registry().get(id));
    for (const id of signed) {
      const { mark, text, words } = signs.get(id)!;
      canvas().addMarker(id, `wg-${mark}`);
      const shape = registry().get(id)!;
      const html = signOf(mark, text, words, () => chosen(id));
      overlays.add(id, SIGNS, { position: corner(shape), html, scale: LEGIBLE, show: shape.waypoints ? NEAR : {} });
    }
  }

  let framed = "";
  function choose(id: string): void {
    if (registry().get(framed)) canvas().removeMarker(framed, "wg-chosen");
    framed = id;
    if (registry().get(id)) canvas().addMarker(id, "wg-chosen");
  }

  // What the page does itself is told to nobody, or two drawings would chase each other.
  let quiet = true;
  let last: Box = { x: 0, y: 0, width: 0, height: 0 };
  function quietly(act: () => void): void {
    quiet = true;
    act();
    last = { ...canvas().viewbox() };
    quiet = false;
  }
  function follow(by: Box): void {
    const now = canvas().viewbox();
    quietly(() => canvas().viewbox({ x: now.x + by.x, y: now.y + by.y, width: by.width, height: by.height }));
  }
  if (moved)
    viewer.get<Bus>("eventBus").on("canvas.viewbox.changed", ({ viewbox: { x, y, width, height } }) => {
      if (quiet) return;
      const by = { x: x - last.x, y: y - last.y, width, height };
      last = { x, y, width, height };
      moved(by);
    });

  await show(xml);
  quietly(() => undefined);
  return {
    show: async (drawing) => {
      quiet = true;
      framed = "";
      signed = [];
      await show(drawing);
      quietly(() => undefined);
    },
    mark,
    sign,
    choose,
    follow,
    goTo: (ids) => quietly(() => goTo(ids)),
    zoom: (factor) => quietly(() => canvas().zoom(canvas().zoom() * factor, "auto")),
    fit: () => quietly(() => canvas().zoom("fit-viewport", "auto")),
    close: () => viewer.destroy(),
  };
}

/** Where a sign stands: on the upper right corner of a shape, in the middle of a line. */
function corner(shape: Shape): Corner {
  if (!shape.waypoints) return { top: -20, right: 12 };
  const middle = Math.floor((shape.waypoints.length - 1) / 2);
  const [one, two] = [shape.waypoints[middle]!, shape.waypoints[middle + 1]!];
  const left = Math.min(...shape.waypoints.map(({ x }) => x));
  const top = Math.min(...shape.waypoints.map(({ y }) => y));
  return { top: (one.y + two.y) / 2 - top - 11, left: (one.x + two.x) / 2 - left - 11 };
}

function signOf(mark: string, text: string, words: string, pressed: () => void): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.tabIndex = -1; // the list beside the drawing is the way for the keyboard
  button.className = `wg-sign wg-sign-${mark}`;
  button.textContent = text;
  button.title = words;
  button.setAttribute("aria-label", `${text} ${words}`);
  button.addEventListener("click", pressed);
  return button;
}
