/** Text that has not reached the server yet, kept on this computer until it has: a browser that dies loses nothing.
 * Bound to the account, so that the next person at this computer is offered nothing that is not theirs. */

export interface Unsent {
  draft: string;
  path: string;
  text: string;
  basedOn: string | null;
  at: string;
}

const NAME = "wangge-unsent";
const STORE = "files";

/** Keeps, replaces or (null) forgets what is unsent of one file. */
export async function keepUnsent(account: string, draft: string, path: string, unsent: Unsent | null): Promise<void> {
  const key = [account, draft, path];
  await transact("readwrite", (files) => (unsent ? files.put(unsent, key) : files.delete(key)) as IDBRequest<unknown>);
}

/** What this account has not sent of a draft. */
export async function unsentOf(account: string, draft: string): Promise<Unsent[]> {
  const range = IDBKeyRange.bound([account, draft], [account, draft, []]);
  return transact("readonly", (files) => files.getAll(range) as IDBRequest<Unsent[]>);
}

async function transact<T>(mode: IDBTransactionMode, act: (files: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
