import { loadEnvironment } from '../settings/environment.js';
import { readGatewaySettings } from '../settings/gateway-settings.js';
import { reportMistakes } from '../settings/report.js';

const settings = readGatewaySettings(loadEnvironment(process.env, 'app.env'));
if (settings.ok) {
  // Loaded only now: a mistake in the settings is told before anything else is even read.
  const { runGateway } = await import('./run-gateway.js');
  await runGateway(settings.value);
} else {
  reportMistakes(settings.mistakes, 'Set them in the environment or in app.env.');
}
