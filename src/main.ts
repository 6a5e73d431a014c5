import { reportMistakes } from './settings/report.js';
import { readApiSettings } from './settings/api-settings.js';
import { loadEnvironment } from './settings/environment.js';

const settings = readApiSettings(loadEnvironment(process.env, 'app.env'));
if (settings.ok) {
  // Loaded only now: a mistake in the settings is told before the framework is even read.
  const { runApi } = await import('./api/run-api.js');
  await runApi(settings.value);
} else {
  reportMistakes(
    settings.mistakes,
    'Set them in the environment or in app.env; app.env.example shows every one.',
  );
}
