/** The one file that opens bpmn-js to look at a drawing. Loaded only where a drawing is shown. */
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-js.css";
import "./viewer.css";

import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";

interface Shape {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  waypoints?: unknown;
  source?: Shape;
  target?: Shape;
}
interface Canvas {
  zoom(to?: number | "fit-viewport", around?: "auto"): number;
  viewbox(): { outer: { width: number; height: number } };
  viewbox(box: { x: number; y: number; width: number; height: number }): void;
  addMarker(id: string, marker: string): void;
  removeMarker(id: string, marker: string): void;
}
interface Registry {
  get(id: string): Shape | undefined;
  forEach(each: (shape: Shape) => void): void;
}

export interface Viewer {
  show: (xml: string) => Promise<void>;
  /** Marks where it stands and the path walked; how many of the nodes walked are not in the drawing. */
  mark: (visited: Readonly<Record<string, number>>, current: readonly string[], stuck: readonly string[]) => number;
  zoom: (factor: number) => void;
  fit: () => void;
  goTo: (ids: readonly string[]) => void;
  close: () => void;
}

const MARKS = ["wg-walked", "wg-here", "wg-stuck", "wg-unwalked"];
const READABLE = 0.75; // below this zoom nobody reads the names

export async function openViewer(place: HTMLElement, xml: string): Promise<Viewer> {
  const viewer = new NavigatedViewer({ container: place });
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
      if (shape.id.endsWith("_label")) return;
      for (const one of MARKS) canvas().removeMarker(shape.id, one);
      const walked = shape.waypoints ? Boolean(visited[shape.source?.id ?? ""]) && been(shape.target) : been(shape);
      canvas().addMarker(shape.id, walked ? "wg-walked" : "wg-unwalked");
      if (current.includes(shape.id)) canvas().addMarker(shape.id, "wg-here");
      if (stuck.includes(shape.id)) canvas().addMarker(shape.id, "wg-stuck");
    });
    return Object.keys(visited).filter((id) => !registry().get(id)).length;
  }

  await show(xml);
  return {
    show,
    mark,
    goTo,
    zoom: (factor) => canvas().zoom(canvas().zoom() * factor, "auto"),
    fit: () => canvas().zoom("fit-viewport", "auto"),
    close: () => viewer.destroy(),
  };
}
