/** Parsed JSON in which numbers are the text they were spelled with: `1.50` stays apart from `1.5`. */
export function exactJson(text: string): unknown {
  const spelled = (_: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? { number: context?.source } : value;
  return JSON.parse(text, spelled) as unknown;
}
