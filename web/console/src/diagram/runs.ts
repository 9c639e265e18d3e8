/** What can be drawn: only what the engine runs. The libraries offer all of BPMN; palette, context pad and the menu
 * "change element" leave out what publication would refuse, so that nobody draws it to be told so afterwards. */

const REFUSED = [
  "ad-hoc",
  "cancel",
  "compensation",
  "complex",
  "data-store",
  "event-based-instantiate",
  "instantiating",
  "participant-multiplicity",
  "transaction",
];

type Entries = Record<string, unknown>;
type Offer = (entries: Entries) => Entries;

interface Registering {
  registerProvider(...given: unknown[]): void;
}
interface Pad extends Registering {
  _current?: { html?: HTMLElement };
  _createHtml(target: unknown): HTMLElement;
  getPad(target: unknown): { html: HTMLElement };
}
interface Shapes {
  createShape(attributes: Record<string, unknown>): unknown;
}
interface Creating {
  start(event: Event, shape: unknown): void;
}
type Translate = (template: string) => string;

/** Whether something that is offered by this name runs. */
export function runs(name: string): boolean {
  return !REFUSED.some((word) => name.includes(word));
}

const onlyWhatRuns: Offer = (entries) => Object.fromEntries(Object.entries(entries).filter(([name]) => runs(name)));

class Offering {
  static $inject = [
    "palette",
    "contextPad",
    "popupMenu",
    "elementFactory",
    "create",
    "translate",
    "eventBus",
    "canvas",
  ];

  constructor(
    palette: Registering,
    contextPad: Pad,
    popupMenu: Registering,
    private readonly shapes: Shapes,
    private readonly create: Creating,
    private readonly translate: Translate,
    bus: { on(event: string, listener: () => void): void },
    canvas: { getContainer(): HTMLElement },
  ) {
    // the palette says what a sign means only to those who listen; a title says it to those who point, too
    bus.on("palette.changed", () => {
      for (const sign of canvas.getContainer().querySelectorAll(".djs-palette .entry")) {
        sign.setAttribute("title", sign.getAttribute("aria-label") ?? "");
      }
    });
    // bpmn-js itself calls what diagram-js warns of on each call: the same, without a word
    contextPad.getPad = (target) => ({ html: contextPad._current?.html ?? contextPad._createHtml(target) });
    palette.registerProvider(500, { getPaletteEntries: () => (entries: Entries) => this.palette(entries) });
    contextPad.registerProvider(500, {
      getContextPadEntries: () => onlyWhatRuns,
      getMultiElementContextPadEntries: () => onlyWhatRuns,
    });
    popupMenu.registerProvider("bpmn-replace", 500, {
      getPopupMenuEntries: () => onlyWhatRuns,
      getPopupMenuHeaderEntries: () => onlyWhatRuns,
    });
  }

  /** A step of people is what is drawn most, so it comes before the task of nobody in particular. */
  private palette(entries: Entries): Entries {
    const begin = (event: Event): void => this.create.start(event, this.shapes.createShape({ type: "bpmn:UserTask" }));
    const step = {
      group: "activity",
      className: "bpmn-icon-user-task",
      title: this.translate("User task"),
      action: { dragstart: begin, click: begin },
    };
    const { "create.task": task, ...others } = onlyWhatRuns(entries);
    return { ...others, "create.user-task": step, ...(task ? { "create.task": task } : {}) };
  }
}

export const RunsModule = { __init__: ["offering"], offering: ["type", Offering] };
