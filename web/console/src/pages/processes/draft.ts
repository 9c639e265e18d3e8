/** One draft in the browser: its files as they are edited, saved a moment after each change, checked even sooner. Text
 * is first kept on this computer and only then sent, so that nothing is lost; nobody's text is overwritten, because each
 * save presents the hash that one has seen. */
import { computed, onScopeDispose, reactive, ref, shallowRef } from "vue";

import { Problem } from "../../api/client";
import { me } from "../../app/session";
import { server, type Checked, type DraftRow, type Person, type Present, type Unsaved } from "./server";
import { keepUnsent, unsentOf, type Unsent } from "./unsent";

export const SAVE_AFTER = 1_500;
export const CHECK_AFTER = 600;
const PRESENCE_EVERY = 10_000;
const RETRY_AFTER = 5_000;

/** One file: what the server has, and what stands on the screen. */
interface Opened {
  text: string;
  saved: string;
  hash: string | null;
  /** Counts what came from outside, so that whoever shows the file shows it anew. */
  edition: number;
}

/** Somebody else saved the file that one has changed. */
export interface Conflict {
  path: string;
  by: Person;
  at: string;
  hash: string | null;
  theirs: string;
}

export type Saving = "unchanged" | "saving" | "saved" | "unsent";

export function useDraft(id: string) {
  const row = ref<DraftRow | null>(null);
  const files = reactive<Record<string, Opened>>({});
  const saving = ref<Saving>("unchanged");
  const savedAt = ref<Date | null>(null);
  const checked = shallowRef<Checked | null>(null);
  const checking = ref(false);
  const checkFault = shallowRef<Problem | null>(null);
  const conflict = shallowRef<Conflict | null>(null);
  const offered = shallowRef<Unsent[]>([]);
  const present = ref<Present[]>([]);
  const notice = ref<{ person: string; path: string } | null>(null);
  const fault = shallowRef<Problem | null>(null);
  const current = ref("");
  const account = me.value?.person.id ?? "";

  const waiting = new Map<string, ReturnType<typeof setTimeout>>();
  const sending = new Map<string, Promise<void>>();
  let checkTimer: ReturnType<typeof setTimeout> | undefined;
  let checks = 0;

  const writable = computed(() => row.value?.status === "open");
  /** Whether the file on the screen can be changed: what comes with the product is shared by all places. */
  const changeable = computed(() => writable.value && !ofProduct(current.value));
  const dirty = computed(() => Object.keys(files).filter((path) => isDirty(path)));

  // -- reading -----------------------------------------------------------------------------------------

  /** Reads the draft and all its files but the example cases, which are read when somebody plays one. */
  async function load(): Promise<void> {
    const [told, { files: all }] = await Promise.all([server.draft(id), server.texts(id)]);
    for (const { path, text, hash } of all) files[path] = { text, saved: text, hash, edition: 0 };
    row.value = told;
    present.value = others(told.present);
    offered.value = (await unsentOf(account, id)).filter((one) => files[one.path]?.saved !== one.text);
    void check();
  }

  /** The text of a file, read once. */
  async function open(path: string): Promise<string> {
    const there = files[path];
    if (there) return there.text;
    const { text, hash } = await server.file(id, path);
    files[path] ??= { text, saved: text, hash, edition: 0 };
    return text;
  }

  function text(path: string): string {
    return files[path]?.text ?? "";
  }

  function isDirty(path: string): boolean {
    const file = files[path];
    return file !== undefined && file.text !== file.saved;
  }

  // -- changing ----------------------------------------------------------------------------------------

  /** The file now reads like this. `shown`: whoever shows the file knows already. */
  function change(path: string, next: string, shown = true): void {
    const file = (files[path] ??= { text: "", saved: "", hash: null, edition: 0 });
    if (!writable.value || ofProduct(path) || file.text === next) return;
    file.text = next;
    if (!shown) file.edition += 1;
    saving.value = "saving";
    const at = new Date().toISOString();
    void keepUnsent(account, id, path, { draft: id, path, text: next, basedOn: file.hash, at }).catch(() => undefined);
    later(path, SAVE_AFTER);
    checkSoon();
  }

  function later(path: string, after: number): void {
    clearTimeout(waiting.get(path));
    waiting.set(
      path,
      setTimeout(() => void send(path), after),
    );
  }

  /** Sends a file, after what is under way for it. */
  function send(path: string): Promise<void> {
    const before = sending.get(path) ?? Promise.resolve();
    const now = before.then(() => sendNow(path));
    sending.set(path, now);
    return now;
  }

  async function sendNow(path: string): Promise<void> {
    clearTimeout(waiting.get(path));
    waiting.delete(path);
    const file = files[path];
    if (!file || !isDirty(path) || conflict.value?.path === path) return settle();
    const sent = file.text;
    saving.value = "saving";
    try {
      const { hash, revision } = await server.save(id, path, sent, file.hash);
      Object.assign(file, { hash, saved: sent });
      if (row.value) row.value.revision = revision;
      if (file.text === sent) await keepUnsent(account, id, path, null).catch(() => undefined);
      savedAt.value = new Date();
      settle();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      await refused(path, problem);
    }
  }

  async function refused(path: string, problem: Problem): Promise<void> {
    saving.value = "unsent";
    if (problem.code === "draft.changed") {
      await meet(path, problem.details as { by: Person; at: string; hash: string | null });
    } else if (problem.status === 0 || problem.status >= 500 || problem.status === 401) {
      later(path, RETRY_AFTER);
    } else {
      fault.value = problem;
    }
  }

  function settle(): void {
    if (!dirty.value.length) saving.value = savedAt.value ? "saved" : "unchanged";
  }

  /** Sends everything now. */
  async function flush(): Promise<void> {
    await Promise.all(dirty.value.map(send));
  }

  // -- somebody else -----------------------------------------------------------------------------------

  async function meet(path: string, told: { by: Person; at: string; hash: string | null }): Promise<void> {
    const there = await server.file(id, path).catch(() => ({ text: "", hash: null }));
    conflict.value = { path, by: told.by, at: told.at, hash: there.hash ?? told.hash, theirs: there.text };
  }

  /** Mine counts: it is saved over theirs, which stays in the history. */
  async function keepMine(): Promise<void> {
    const at = conflict.value;
    const file = at && files[at.path];
    if (!at || !file) return;
    Object.assign(file, { hash: at.hash, saved: at.theirs });
    conflict.value = null;
    await send(at.path);
  }

  /** Theirs counts: mine is dropped. */
  async function takeTheirs(): Promise<void> {
    const at = conflict.value;
    if (!at) return;
    conflict.value = null;
    replace(at.path, at.theirs, at.hash);
    await keepUnsent(account, id, at.path, null).catch(() => undefined);
    settle();
    checkSoon();
  }

  /** Both stay: mine under another name, theirs under the old one. Returns the other name. */
  async function copyMine(): Promise<string> {
    const at = conflict.value;
    const file = at && files[at.path];
    if (!at || !file) return "";
    const mine = file.text;
    const name = copyName(at.path, new Set(Object.keys(files)));
    await takeTheirs();
    await server.save(id, name, mine, null);
    await refresh();
    return name;
  }

  function replace(path: string, next: string, hash: string | null): void {
    const file = (files[path] ??= { text: "", saved: "", hash: null, edition: 0 });
    Object.assign(file, { text: next, saved: next, hash, edition: file.edition + 1 });
  }

  /** Who else is here; what others have saved since is shown, unless one has changed it oneself. */
  async function meetOthers(): Promise<void> {
    const told = await server.presence(id, current.value).catch(() => null);
    if (!told) return;
    present.value = others(told.present);
    if (told.revision !== row.value?.revision) await refresh();
  }

  async function refresh(): Promise<void> {
    const fresh = await server.draft(id);
    row.value = fresh;
    for (const one of fresh.files) {
      const file = files[one.path];
      if (one.kind === "case" || file?.hash === one.hash || isDirty(one.path) || sendsNow(one.path)) continue;
      const { text, hash } = await server.file(id, one.path);
      replace(one.path, text, hash);
      if (one.path === current.value && one.changed_by?.id !== account)
        notice.value = { person: one.changed_by?.name ?? "", path: one.path };
    }
    for (const path of Object.keys(files)) {
      if (!isDirty(path) && !fresh.files.some((one) => one.path === path)) delete files[path];
    }
    checkSoon();
  }

  function sendsNow(path: string): boolean {
    return waiting.has(path);
  }

  function others(all: readonly Present[]): Present[] {
    return all.filter((one) => one.person.id !== account);
  }

  // -- what the browser had kept -----------------------------------------------------------------------

  /** Takes back what was never sent. What it was based on decides whether it meets somebody else's change. */
  function takeOffered(one: Unsent): void {
    const file = files[one.path];
    offered.value = offered.value.filter((other) => other !== one);
    if (file && one.basedOn) file.hash = one.basedOn;
    change(one.path, one.text, false);
  }

  async function dropOffered(one: Unsent): Promise<void> {
    offered.value = offered.value.filter((other) => other !== one);
    await keepUnsent(account, id, one.path, null);
  }

  // -- checking ----------------------------------------------------------------------------------------

  function checkSoon(): void {
    clearTimeout(checkTimer);
    checkTimer = setTimeout(() => void check(), CHECK_AFTER);
  }

  /** What is wrong now, with the text on the screen. Only the latest answer counts. */
  async function check(): Promise<void> {
    const number = ++checks;
    checking.value = true;
    try {
      const found = await server.check(id, unsaved());
      if (number === checks) [checked.value, checkFault.value] = [found, null];
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (number === checks) checkFault.value = problem;
    } finally {
      if (number === checks) checking.value = false;
    }
  }

  /** The one file whose text the server does not have yet: that on the screen first. */
  function unsaved(): Unsaved | undefined {
    const path = isDirty(current.value) ? current.value : dirty.value[0];
    return path ? { path, text: text(path) } : undefined;
  }

  // ----------------------------------------------------------------------------------------------------

  const presence = setInterval(() => void meetOthers(), PRESENCE_EVERY);
  const leaving = (): void => void flush();
  addEventListener("pagehide", leaving);
  addEventListener("online", leaving);
  onScopeDispose(() => {
    clearInterval(presence);
    clearTimeout(checkTimer);
    removeEventListener("pagehide", leaving);
    removeEventListener("online", leaving);
    void flush();
  });

  return {
    id,
    row,
    files,
    saving,
    savedAt,
    writable,
    changeable,
    dirty,
    current,
    present,
    notice,
    fault,
    checked,
    checking,
    checkFault,
    conflict,
    offered,
    load,
    open,
    text,
    change,
    flush,
    refresh,
    check,
    unsaved,
    meetOthers,
    keepMine,
    takeTheirs,
    copyMine,
    takeOffered,
    dropOffered,
  };
}

export type Draft = ReturnType<typeof useDraft>;

/** Whether a file comes with the product, so that no draft may change it. */
export function ofProduct(path: string): boolean {
  return path.startsWith("shared/") || path.startsWith("rules/");
}

/** `matter.bpmn` → `matter-2.bpmn`, the first that is free. */
export function copyName(path: string, taken: ReadonlySet<string>): string {
  const dot = path.lastIndexOf(".");
  for (let number = 2; ; number += 1) {
    const name = `${path.slice(0, dot)}-${number}${path.slice(dot)}`;
    if (!taken.has(name)) return name;
  }
}
