import { createRequire } from 'node:module';

/** The version in package.json, which lies two folders above this file in the sources and in the build alike. */
export const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
