import type { AccessRefusal } from './refusals.js';

/** Thrown by the guard; carries the refusal to the filter that writes it as a problem document. */
export class AccessRefused extends Error {
  override readonly name = 'AccessRefused';
  readonly refusal: AccessRefusal;

  constructor(refusal: AccessRefusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}
