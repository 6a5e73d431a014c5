/** `ISSUER_BASE_URL`: what clients call this issuer. */
export class BaseUrl {
  readonly value: string;

  constructor(value: string) {
    this.value = value;
  }
}
