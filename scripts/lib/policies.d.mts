export interface PolicySource {
  readonly path: string;
  readonly text: string;
}

export const policiesFolder: string;
export function bundlesOf(folder?: string): { readonly wasm: string; readonly rego: string };
export function policySources(folder?: string): PolicySource[];
export function revisionOf(sources: readonly PolicySource[]): string;
export function shown(path: string): string;
