// The runtime client for Node: loads the handler, then asks for one event after the other and posts what the handler makes of it.
// Handler conventions, error payloads, log lines and exit codes are those of AWS's own client.
import { RuntimeAPI } from './roost/api.mjs';
import { HandlerError } from './roost/errors.mjs';
import { loadHandler } from './roost/handler.mjs';
import { invoke } from './roost/invocation.mjs';
import { logError, patchConsole } from './roost/log.mjs';

const EXIT_UNHANDLED_REJECTION = 128;
const EXIT_UNCAUGHT_EXCEPTION = 129;

const api = new RuntimeAPI(process.env.AWS_LAMBDA_RUNTIME_API);
// The request id of the event that is being served; none during init.
let current;
let isEnding = false;

async function end(title, error, status) {
  isEnding = true;
  logError(title, error);
  try {
    await (current ? api.postError(current, error) : api.postInitError(error));
  } catch (refusal) {
    console.error('the error could not be posted: %s', refusal); // its event is over, or the host is gone
  }
  process.exit(status);
}

patchConsole();
process.on('uncaughtException', (error) => end('Uncaught Exception', error, EXIT_UNCAUGHT_EXCEPTION));
process.on('unhandledRejection', (reason) =>
  end('Unhandled Promise Rejection', new HandlerError('UnhandledPromiseRejection', reason), EXIT_UNHANDLED_REJECTION));

async function run() {
  const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), process.env._HANDLER);
  for (;;) {
    // A turn of the event loop, in which a rejection that nobody handles shows itself: after it there is no next event.
    await new Promise(setImmediate);
    if (isEnding) return;
    current = await api.next();
    await invoke(api, handler, current);
  }
}

run().catch((error) => end('Uncaught Exception', error, EXIT_UNCAUGHT_EXCEPTION));
