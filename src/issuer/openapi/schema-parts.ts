import type { Schema } from './description.js';

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
export const texts: Schema = { type: 'array', items: text };
/** Seconds since the epoch. */
export const seconds: Schema = { type: 'integer', minimum: 0 };

export function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

export function oneOfTexts(values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

/** An answer with these members and no others. */
export function closed(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = Object.keys(properties),
): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** Parameters of a form; others are ignored, as RFC 6749 section 3.2 has it. */
export function form(properties: Readonly<Record<string, Schema>>, required: readonly string[]): Schema {
  return { type: 'object', properties, required };
}

/** @param name of a schema of the document */
export function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}
