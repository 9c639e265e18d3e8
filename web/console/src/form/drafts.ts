/** What somebody has begun to write: kept in this tab, bound to the account, until it is sent or they sign out. */
import { me } from "../app/session";

const PREFIX = "wangge.draft.";

/** What is kept under a key, if anything. */
export function kept<T>(key: string): T | null {
  const text = sessionStorage.getItem(address(key));
  return text === null ? null : (JSON.parse(text) as T);
}

export function keep(key: string, value: unknown): void {
  sessionStorage.setItem(address(key), JSON.stringify(value));
}

export function forget(key: string): void {
  sessionStorage.removeItem(address(key));
}

/** How many drafts of this account there are. */
export function draftCount(): number {
  return Object.keys(sessionStorage).filter((name) => name.startsWith(address(""))).length;
}

function address(key: string): string {
  return `${PREFIX}${me.value?.person.id ?? ""}.${key}`;
}
