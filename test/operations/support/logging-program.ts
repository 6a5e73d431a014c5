// Logs a number of decisions and ends in the way that its second argument says.
import { createLogger, decisionLogSink, flushLog } from '../../../src/operations/logging.js';
import { decisionRecord } from './records.js';

const [count = '0', ending] = process.argv.slice(2);
const logger = createLogger({ level: 'info' });
const sink = decisionLogSink(logger);
for (let index = 0; index < Number(count); index++) {
  if (index === 100) logger.info('after a hundred');
  sink(decisionRecord({ jti: `AT.${index}` }));
}
process.on('exit', () => {
  logger.info('last words');
});
if (ending === 'exit') process.exit(0);
if (ending === 'flush') {
  await flushLog(logger);
  process.kill(process.pid, 'SIGKILL');
}
if (ending === 'throw') throw new Error('ended by an exception');
process.disconnect();
