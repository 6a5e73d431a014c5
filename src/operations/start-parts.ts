/** What has to be closed again, in the order of opening. */
export type Opened = (() => Promise<void> | void)[];

/**
 * Starts something that has several parts. They are closed again, the last one first: all of them by `close`, and those
 * that were opened when the start fails.
 *
 * @param start adds to `opened` whatever it opens
 */
export async function startParts<T extends object>(
  start: (opened: Opened) => Promise<T>,
): Promise<T & { close(): Promise<void> }> {
  const opened: Opened = [];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    return { ...(await start(opened)), close };
  } catch (error) {
    await close();
    throw error;
  }
}
