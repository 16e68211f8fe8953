// The Runtime API: `/next`, `/response`, `/error` and `/init/error` over one kept connection.
import http from 'node:http';
import { errorPayload } from './errors.mjs';

// Taken now: instrumentation replaces it, and is meant for the function's own requests.
const { request, Agent } = http;
const VERSION = '/2018-06-01/runtime';
const ERROR_TYPE = 'Lambda-Runtime-Function-Error-Type';
const ERROR_BODY = 'Lambda-Runtime-Function-Error-Body';

async function read(response) {
  const parts = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts);
}

const answerTo = (sent) => new Promise((resolve, reject) => sent.on('response', resolve).on('error', reject));

export class RuntimeAPI {
  #options;

  constructor(address) {
    const [hostname, port] = address.split(':');
    this.#options = { hostname, port, agent: new Agent({ keepAlive: true, maxSockets: 1 }) };
  }

  #open(method, path, headers) {
    return request({ ...this.#options, method, path: VERSION + path, headers });
  }

  /** Waits for an event, however long. */
  async next() {
    const sent = this.#open('GET', '/invocation/next');
    sent.end();
    const response = await answerTo(sent);
    const body = await read(response);
    if (response.statusCode !== 200) throw new Error(`GET /next: ${response.statusCode} ${body}`);
    return { headers: response.headers, id: response.headers['lambda-runtime-aws-request-id'], body };
  }

  async #post(path, body, headers) {
    const bytes = Buffer.from(body);
    const sent = this.#open('POST', path, { 'Content-Type': 'application/json', 'Content-Length': bytes.length, ...headers });
    sent.end(bytes);
    const response = await answerTo(sent);
    const answer = await read(response);
    // An answer that is too large is refused and reported by the host; the environment goes on.
    if (response.statusCode >= 300 && response.statusCode !== 413) throw new Error(`POST ${path}: ${response.statusCode} ${answer}`);
  }

  #path({ id }, what) {
    return `/invocation/${encodeURIComponent(id)}/${what}`;
  }

  // A late answer to an event that is over is refused by this.
  #nonce({ headers }) {
    const nonce = headers['lambda-runtime-invocation-id'];
    return nonce === undefined ? {} : { 'Lambda-Runtime-Invocation-Id': nonce };
  }

  postResponse(event, body) {
    return this.#post(this.#path(event, 'response'), body, this.#nonce(event));
  }

  postError(event, error) {
    const payload = errorPayload(error);
    return this.#post(this.#path(event, 'error'), JSON.stringify(payload), { [ERROR_TYPE]: headerText(payload.errorType), ...this.#nonce(event) });
  }

  postInitError(error) {
    const payload = errorPayload(error);
    return this.#post('/init/error', JSON.stringify(payload), { [ERROR_TYPE]: headerText(payload.errorType) });
  }

  /** A response that is sent as it is written. `done` settles when the host has taken all of it. */
  openResponse(event, contentType) {
    const sent = this.#open('POST', this.#path(event, 'response'), {
      'Content-Type': contentType, 'Transfer-Encoding': 'chunked', Trailer: [ERROR_TYPE, ERROR_BODY].join(', '),
      'Lambda-Runtime-Function-Response-Mode': 'streaming', ...this.#nonce(event),
    });
    const done = answerTo(sent).then(read);
    done.catch(() => {}); // the stream's own error tells it; who awaits `done` hears of it too
    // Ends it with an error, which goes into the trailers.
    const fail = (error) => {
      const payload = errorPayload(error);
      sent.addTrailers({ [ERROR_TYPE]: headerText(payload.errorType), [ERROR_BODY]: Buffer.from(JSON.stringify(payload)).toString('base64') });
      sent.end();
    };
    return { sent, done, fail };
  }
}

// An error's name is the function's choice; a header takes visible ASCII.
const headerText = (text) => String(text).replace(/[^\x20-\x7e]/g, '?');
