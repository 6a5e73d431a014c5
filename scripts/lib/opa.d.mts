export const opaVersion: string;
export const opaCacheFolder: string;
export const opaCached: string;
export function findOpa(): string | undefined;
export function isPinnedOpa(path: string): boolean;
