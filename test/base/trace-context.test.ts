import { describe, expect, it } from 'vitest';
import { traceIdOf } from '../../src/base/trace-context.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';

describe('the trace id of a traceparent header', () => {
  it.each([
    ['the specification’s example', `00-${traceId}-${parentId}-01`],
    ['not sampled', `00-${traceId}-${parentId}-00`],
    ['a later version with nothing appended', `01-${traceId}-${parentId}-01`],
    ['a later version with more members', `cc-${traceId}-${parentId}-01-what-the-future-brings`],
  ])('is read: %s', (_, header) => {
    expect(traceIdOf(['host', 'api', 'TraceParent', header, 'accept', '*/*'])).toBe(traceId);
  });

  it.each([
    ['empty', ''],
    ['version ff, which is forbidden', `ff-${traceId}-${parentId}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${parentId}-01`],
    ['a parent id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['upper-case digits', `00-${traceId.toUpperCase()}-${parentId}-01`],
    ['one digit short', `00-${traceId.slice(1)}-${parentId}-01`],
    ['version 00 with more members', `00-${traceId}-${parentId}-01-more`],
    ['a later version with text glued to the flags', `01-${traceId}-${parentId}-01more`],
    ['a space before it', ` 00-${traceId}-${parentId}-01`],
    ['a line feed after it', `00-${traceId}-${parentId}-01\n`],
    ['no flags', `00-${traceId}-${parentId}`],
    ['longer than any version will need', `01-${traceId}-${parentId}-01-${'a'.repeat(1000)}`],
  ])('is null: %s', (_, header) => {
    expect(traceIdOf(['traceparent', header])).toBeNull();
  });

  it('is null without a header', () => {
    expect(traceIdOf(['tracestate', `00-${traceId}-${parentId}-01`])).toBeNull();
  });

  it('is null when two headers name one each', () => {
    const header = `00-${traceId}-${parentId}-01`;
    expect(traceIdOf(['traceparent', header, 'Traceparent', header])).toBeNull();
  });
});
