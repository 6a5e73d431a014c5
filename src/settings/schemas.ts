import { z } from 'zod';
import { isPlainUrl, isSecureUrl } from '../base/secure-url.js';

/** Schemas that more than one settings table uses. Each turns the text of a variable into its typed value. */

export const text = z.string();

export const commaSeparated = z
  .string()
  .transform((list) => list.split(',').map((item) => item.trim()))
  .refine(
    (items) => items.every((item) => item !== ''),
    'expected a comma-separated list without empty items',
  );

/** Addresses and networks of proxies whose word on the client's address is taken; none when off. */
export const trustedProxies = z.union([z.literal('off').transform((): string[] => []), commaSeparated]);

/** A whole number from `min` to `max`, both included. */
export function wholeNumber(min: number, max: number): z.ZodType<number, string> {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);
}

export const port = wholeNumber(0, 65_535);

export function oneOf<const Values extends readonly [string, ...string[]]>(
  values: Values,
): z.ZodType<Values[number], string> {
  return z.enum(values, `expected one of ${values.join(', ')}`);
}

/** An http(s) URL without credentials or fragment. */
export const plainUrl = z
  .string()
  .refine(
    (value) => isPlainUrl(value),
    'expected an absolute http(s) URL without user, password or fragment',
  );

/** A plain URL; http only where nobody can listen in: on loopback. */
export const secureUrl = plainUrl.refine(
  (value) => !isPlainUrl(value) || isSecureUrl(value),
  'expected https (plain http is accepted for loopback hosts only)',
);
