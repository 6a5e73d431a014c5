export interface PolicySource {
  readonly path: string;
  readonly text: string;
}

export const policiesFolder: string;
export const wasmBundle: string;
export const regoBundle: string;
export function policySources(folder?: string): PolicySource[];
export function revisionOf(sources: readonly PolicySource[]): string;
export function shown(path: string): string;
