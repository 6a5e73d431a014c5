import DataLoader from 'dataloader';

/** Keys in one statement at most. */
const maxKeys = 500;

/**
 * Reads by key that share a statement with all others of the same turn of the event loop: where each request has to ask
 * the database, requests that come together ask once. Nothing is remembered.
 *
 * @param read the values of these keys, of which some may be given twice; keys without a value are left out
 */
export function gatherReads<V>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
): (key: string) => Promise<V | undefined> {
  const loader = new DataLoader<string, V | undefined>(
    async (keys) => {
      const values = await read(keys);
      return keys.map((key) => values.get(key));
    },
    { cache: false, maxBatchSize: maxKeys, batchScheduleFn: setImmediate },
  );
  return (key) => loader.load(key);
}
