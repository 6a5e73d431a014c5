import type { TestIssuer } from './issuer.js';
import { send } from './issuer.js';
import type { Answer } from './issuer.js';

/** A form on a page, as a browser would send it. */
export interface PageForm {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What a person uses: keeps cookies, follows no redirect by itself, runs no script. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #origin: string;

  constructor({ origin }: Pick<TestIssuer, 'origin'>) {
    this.#origin = origin;
  }

  /** @param path from the origin of the issuer on */
  open(path: string): Promise<Answer> {
    return this.#send(path, {});
  }

  post(path: string, fields: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** Sends the form of a page, with what the person fills in. */
  submit({ text }: Answer, filledIn: Readonly<Record<string, string>>): Promise<Answer> {
    const { action, fields } = formOf(text);
    return this.post(action, { ...fields, ...filledIn });
  }

  async #send(path: string, request: RequestInit): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = cookie === '' ? {} : { cookie };
    const answer = await send(this.#origin + path, { ...request, headers, redirect: 'manual' });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      this.cookies.set(name, value);
    }
    return answer;
  }
}

/** The one form of a page. */
export function formOf(html: string): PageForm {
  const action = attribute(/<form [^>]*>/.exec(html)?.[0] ?? '', 'action');
  const inputs = [...html.matchAll(/<input [^>]*>/g)].map(([input]) => input);
  const fields = inputs.map((input) => [attribute(input, 'name'), attribute(input, 'value')]);
  return { action, fields: Object.fromEntries(fields) as Record<string, string> };
}

function attribute(tag: string, name: string): string {
  return unescapeHtml(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
}

/** What a browser shows for it. */
export function unescapeHtml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
