import { hash } from 'node:crypto';

/** A page as it is sent, with the policy that allows it just what it has (CSP level 3). */
export interface Page {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

const style = `
:root { color-scheme: light dark; --edge: #8886; --accent: #1662dd; --strong-edge: light-dark(#767a82, #8a8f98); }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif;
  background: light-dark(#f4f5f7, #14161a); color: light-dark(#1d1d21, #ececf0); }
main { box-sizing: border-box; width: min(24rem, 100vw - 2rem); padding: 2rem; border: 1px solid var(--edge);
  border-radius: 12px; background: light-dark(#fff, #1d2026); }
h1 { margin: 0 0 .25rem; font-size: 1.35rem; }
p { margin: 0 0 1.25rem; overflow-wrap: anywhere; }
label { display: block; margin-bottom: 1rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit;
  font-weight: 400; border: 1px solid var(--strong-edge); border-radius: 8px; background: transparent; color: inherit; }
button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; border: 0; border-radius: 8px; color: #fff;
  background: var(--accent); cursor: pointer; }
:focus-visible { outline: 3px solid light-dark(#1662dd, #7aa9ff); outline-offset: 2px; }
.problem { padding: .6rem .8rem; border-radius: 8px; background: light-dark(#fdeaea, #4a1d22); }
ul { margin: 0 0 1.25rem; padding-left: 1.2rem; }
code { font-size: .9em; }
main > :last-child { margin-bottom: 0; }
`;
const styleSource = `'sha256-${hash('sha256', style, 'base64')}'`;

export interface SignInForm {
  /** Path that the form is posted to. */
  readonly action: string;
  readonly clientName: string;
  readonly scopes: readonly string[];
  /** The request that waits, sealed. */
  readonly request: string;
  readonly login: string;
  readonly problem?: string;
  /** Where the browser goes afterwards. */
  readonly redirectUri: string;
}

/** Asks for login and password. */
export function signInPage(form: SignInForm): Page {
  const problem =
    form.problem === undefined ? '' : `<p class="problem" role="alert">${escapeHtml(form.problem)}</p>`;
  const scopes = form.scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join('');
  const body = `<h1>Sign in</h1>
<p>to continue to <strong>${escapeHtml(form.clientName)}</strong>, which asks for:</p>
<ul>${scopes}</ul>
${problem}
<form method="post" action="${escapeHtml(form.action)}">
<input type="hidden" name="request" value="${escapeHtml(form.request)}">
<label>Username <input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required
 value="${escapeHtml(form.login)}"${form.login === '' ? ' autofocus' : ''}></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required${
    form.login === '' ? '' : ' autofocus'
  }></label>
<button>Sign in</button>
</form>`;
  return page('Sign in', body, `'self' ${sourceOf(form.redirectUri)}`);
}

/** Hands an answer to the client by a form that the person sends (OAuth 2.0 Form Post Response Mode). */
export function formPostPage(redirectUri: string, members: Readonly<Record<string, string>>): Page {
  const fields = Object.entries(members).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  const body = `<h1>Almost there</h1>
<p>Go back to the application to continue.</p>
<form method="post" action="${escapeHtml(redirectUri)}">
${fields.join('\n')}
<button autofocus>Back to the application</button>
</form>`;
  return page('Continue', body, sourceOf(redirectUri));
}

/** Something to read, nothing to do. */
export function messagePage(title: string, message: string): Page {
  return page(title, `<h1>${escapeHtml(title)}</h1>\n<p>${escapeHtml(message)}</p>`, "'none'");
}

function page(title: string, body: string, formAction: string): Page {
  return {
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`,
    contentSecurityPolicy: [
      "default-src 'none'",
      `style-src ${styleSource}`,
      `form-action ${formAction}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
  };
}

/** What a policy calls the target of a redirect: an origin, or a scheme where it has no word for the host (IPv6). */
function sourceOf(redirectUri: string): string {
  const { origin, protocol } = new URL(redirectUri);
  return /^https?:\/\/[\w.-]+(:\d+)?$/.test(origin) ? origin : protocol;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
