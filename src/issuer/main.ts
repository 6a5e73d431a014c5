import { loadEnvironment } from '../settings/environment.js';
import { readIssuerSettings } from '../settings/issuer-settings.js';
import { reportMistakes } from '../settings/report.js';

const settings = readIssuerSettings(loadEnvironment(process.env, 'app.env'));
if (settings.ok) {
  // Loaded only now: a mistake in the settings is told before the framework is even read.
  const { runIssuer } = await import('./run-issuer.js');
  await runIssuer(settings.value);
} else {
  reportMistakes(
    settings.mistakes,
    'Set them in the environment or in app.env; ISSUER_MODE=development needs none of them.',
  );
}
